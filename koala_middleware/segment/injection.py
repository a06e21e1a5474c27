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
    """A method of Segment's ``Client``, and the parameters that all its versions share."""

    name: str
    parameters: tuple[str, ...]


TRACK = Method("track", ("user_id", "event", "properties", "context", "timestamp", "anonymous_id"))
IDENTIFY = Method("identify", ("user_id", "traits", "context", "timestamp", "anonymous_id"))


def add_visitor(
    visitor: Visitor, method: Method, user_id: Any, values: Any, context: Any, anonymous_id: Any
) -> tuple[Any, Any, Any, Any, bool]:
    """Return the user id, values, context and anonymous id of a call, with what the visitor adds.

    The last item is whether the profile id is among it.

    What the caller passed stays, even None; only a falsy user id is left out where an anonymous id
    is added, as it would be everybody's. The caller's own dicts are not changed; one that nothing
    is added to is returned as it is.
    """
    options, details = visitor.options, visitor.details
    ids = method is TRACK or options.identify
    profile_id = visitor.profile_id if ids else None

    # One that fails must not cost the others.
    added = False
    filled_values, filled_context = values, context
    try:
        base = values or {}  # as the SDK does
        if isinstance(base, dict):
            if method is TRACK and visitor.bound:
                filled_values = base = {**visitor.bound, **base}
            if profile_id is not None and options.property_name not in base:
                filled_values = base = {**base, options.property_name: profile_id}
                added = True
            if details is not None and options.email is not None and "email" not in base:
                email = details.email()
                if email is not None:
                    filled_values = {**base, "email": email}
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if details is not None and options.context is not False and isinstance(context or {}, dict):
            filled_context = {**details.context(), **(context or {})}
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if ids and anonymous_id is None and not user_id and user_id in _NO_ID:
            anonymous_id = visitor.anonymous_id or profile_id
            user_id = user_id if anonymous_id is None else None
    except Exception as fault:
        log_once(_FAULT, fault)
    return user_id, filled_values, filled_context, anonymous_id, added
