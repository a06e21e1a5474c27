"""What a visitor adds to a call of Segment's ``track`` or ``identify``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.visitor import Visitor

_NO_ID = (None, "", 0)  # without an anonymous_id the SDK raises AssertionError for these


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
    profile_id = visitor.profile_id if method is TRACK or visitor.options.identify else None
    filled = _added(values, _fill_values, visitor, method, profile_id)
    about = _added(context, _fill_context, visitor)
    ids = _added((user_id, anonymous_id), _fill_ids, visitor, method, profile_id)
    return ids[0], filled, about, ids[1]


def _added(given: Any, add: Callable[..., Any], *args: Any) -> Any:
    """Return what the caller gave with an addition, or without one that fails."""
    try:
        return add(given, *args)
    except Exception as fault:
        log_once("an event goes out without its visitor", fault)
        return given


def _fill_values(values: Any, visitor: Visitor, method: Method, profile_id: str | None) -> Any:
    options = visitor.options
    filled, given = values, values or {}  # as the SDK does
    if isinstance(given, dict):
        if method is TRACK and visitor.bound:
            filled = given = {**visitor.bound, **given}
        if profile_id is not None and options.property_name not in given:
            filled = given = {**given, options.property_name: profile_id}
        if options.email is not None and "email" not in given:
            email = visitor.email()
            if email is not None:
                filled = {**given, "email": email}
    return filled


def _fill_context(context: Any, visitor: Visitor) -> Any:
    if visitor.options.context is not False and isinstance(context or {}, dict):
        return {**visitor.context(), **(context or {})}
    return context


def _fill_ids(ids: Any, visitor: Visitor, method: Method, profile_id: str | None) -> Any:
    user_id, anonymous_id = ids
    if anonymous_id is None and not user_id and user_id in _NO_ID:
        if method is TRACK or visitor.options.identify:
            anonymous_id = visitor.anonymous_id or profile_id
        if anonymous_id is not None:
            return None, anonymous_id
    return ids
