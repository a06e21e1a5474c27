"""What a visitor adds to a call of Segment's ``track`` or ``identify``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from koala_middleware.browser_ids import fill_browser_ids, group_by_place
from koala_middleware.faults import log_once
from koala_middleware.request import RequestDetails
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
) -> tuple[Any, Any, Any, Any]:
    """Return the user id, values, context and anonymous id of a call, with what the visitor adds.

    What the caller passed stays, even None; only a falsy user id is left out where an anonymous id
    is added, as it would be everybody's. The caller's own dicts are not changed; one that nothing
    is added to is returned as it is.
    """
    options, details = visitor.options, visitor.details
    ids = method is TRACK or options.identify
    profile_id = visitor.profile_id if ids else None

    # One that fails must not cost the others.
    filled_values, filled_context = values, context
    try:
        base = values or {}  # as the SDK does
        if isinstance(base, dict):
            if method is TRACK and visitor.bound:
                filled_values = base = {**visitor.bound, **base}
            if profile_id is not None and options.property_name not in base:
                filled_values = base = {**base, options.property_name: profile_id}
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
        if details is not None and options.consent is not None:
            filled_context = _add_consent(details.consent(), filled_context)
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if ids and anonymous_id is None and not user_id and user_id in _NO_ID:
            anonymous_id = visitor.anonymous_id or profile_id
            user_id = user_id if anonymous_id is None else None
    except Exception as fault:
        log_once(_FAULT, fault)
    return user_id, filled_values, filled_context, anonymous_id


def _add_consent(consent: Mapping[str, bool] | None, context: Any) -> Any:
    """Return a context with what the visitor agreed to, as Segment wants it from all sources.

    https://segment.com/docs/privacy/consent-management/consent-in-segment-connect/
    """
    base = context or {}
    if consent is None or not isinstance(base, dict) or "consent" in base:
        return context
    return {**base, "consent": {"categoryPreferences": dict(consent)}}


def with_browser_ids(details: RequestDetails, parts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a call with the browser's ids, then with fewer, the last one left out.

    A part is ``properties`` or ``traits``, ``context``, and ``integrations`` where a client takes
    them. What the caller passed stays, and the caller's own dicts are not changed.
    """
    groups = details.browser_ids_by_place()
    ids = list(details.browser_ids().items())
    while ids:
        filled = parts.copy()
        fill_browser_ids(groups, filled)
        yield filled
        ids.pop()
        groups = group_by_place(dict(ids))
