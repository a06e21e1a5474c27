"""What a visitor adds to a call of Segment's ``track`` or ``identify``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from koala_middleware.visitor import Visitor

_NO_ID = (None, "", 0)  # with two of these the SDK raises AssertionError


@dataclass(frozen=True)
class Method:
    """Describe a method of Segment's ``Client``: the parameters that all versions share.

    The numbers are the positions of those that a visitor may fill; the first is always the user
    id.
    """

    name: str
    parameters: tuple[str, ...]
    values: int
    context: int
    anonymous_id: int


TRACK = Method(
    "track",
    ("user_id", "event", "properties", "context", "timestamp", "anonymous_id"),
    values=2,
    context=3,
    anonymous_id=5,
)
IDENTIFY = Method(
    "identify",
    ("user_id", "traits", "context", "timestamp", "anonymous_id"),
    values=1,
    context=2,
    anonymous_id=4,
)


def fill(visitor: Visitor, method: Method, arguments: list[Any]) -> bool:
    """Add what the visitor adds to the arguments of a call; return whether it is more than an id.

    What the caller gave stays, even None. The caller's own dicts are not changed.
    """
    options = visitor.options
    attributes = method is TRACK or options.identify
    profile_id = visitor.profile_id if attributes else None
    filled = False

    given = arguments[method.values] or {}  # as the SDK does
    if isinstance(given, dict):
        values = {**visitor.bound, **given} if visitor.bound and method is TRACK else given
        if profile_id is not None and options.property_name not in values:
            values = {**values, options.property_name: profile_id}
        if options.email is not None and "email" not in values:
            email = visitor.email()
            if email is not None:
                values = {**values, "email": email}
        if values is not given:
            arguments[method.values] = values
            filled = True

    if options.context is not False:
        given = arguments[method.context] or {}
        if isinstance(given, dict):
            arguments[method.context] = {**visitor.context(), **given}
            filled = True

    if attributes and not arguments[0] and arguments[0] in _NO_ID:
        anonymous_id = visitor.anonymous_id or profile_id
        if anonymous_id is not None and arguments[method.anonymous_id] in _NO_ID:
            arguments[method.anonymous_id] = anonymous_id
    return filled
