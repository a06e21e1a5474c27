"""What a visitor adds to a call of Segment's ``track`` or ``identify``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.visitor import Visitor

_NO_ID = (None, "", 0)  # without an anonymous_id the SDK raises AssertionError for these
_FAULT = "an event goes out without its visitor"


@dataclass(frozen=True)
class Method:
    """Name a method of Segment's ``Client`` and the parameters that all its versions share."""

    name: str
    parameters: tuple[str, ...]


TRACK = Method("track", ("user_id", "event", "properties", "context", "timestamp", "anonymous_id"))
IDENTIFY = Method("identify", ("user_id", "traits", "context", "timestamp", "anonymous_id"))


def fill(
    visitor: Visitor, method: Method, user_id: Any, values: Any, context: Any, anonymous_id: Any
) -> tuple[Any, Any, Any, Any]:
    """Return the user id, values, context and anonymous id of a call with what the visitor adds.

    What the caller gave stays, even None; only a false user id goes where an anonymous id is
    added, as it would be everybody's. The caller's own dicts are not changed; what nothing is
    added to is returned itself.
    """
    options = visitor.options
    ids = method is TRACK or options.identify
    profile_id = visitor.profile_id if ids else None

    # Each addition may fail by itself.
    filled, about = values, context
    try:
        given = values or {}  # as the SDK does
        if isinstance(given, dict):
            if method is TRACK and visitor.bound:
                filled = given = {**visitor.bound, **given}
            if profile_id is not None and options.property_name not in given:
                filled = given = {**given, options.property_name: profile_id}
            if options.email is not None and "email" not in given:
                email = visitor.email()
                if email is not None:
                    filled = {**given, "email": email}
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if options.context is not False and isinstance(context or {}, dict):
            about = {**visitor.context(), **(context or {})}
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if ids and anonymous_id is None and not user_id and user_id in _NO_ID:
            anonymous_id = visitor.anonymous_id or profile_id
            user_id = user_id if anonymous_id is None else None
    except Exception as fault:
        log_once(_FAULT, fault)
    return user_id, filled, about, anonymous_id
