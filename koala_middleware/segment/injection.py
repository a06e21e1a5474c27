"""What a visitor adds to a call of Segment's client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.places import by_place, fill
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
) -> tuple[Any, Any, Any, Any, bool]:
    """Return the user id, values, context and anonymous id of a call, with what the visitor adds.

    The last item is whether the profile id is among it.

    What the caller passed stays, even None; only a falsy user id is left out where an anonymous id
    is added, as it would be everybody's. The caller's own dicts are not changed; one that nothing
    is added to is returned as it is.
    """
    options, details = visitor.options, visitor.details
    ids = method is TRACK or options.fills("identify")
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
    if details is not None and (options.context is not False or options.consent is not None):
        filled_context = add_to_context(visitor, details, context)
    if ids and not user_id:
        user_id, anonymous_id = add_ids(visitor, user_id, anonymous_id)
    return user_id, filled_values, filled_context, anonymous_id, added


def add_ids(visitor: Visitor, user_id: Any, anonymous_id: Any) -> tuple[Any, Any]:
    """Return the user id and the anonymous id of a call without a user id.

    Whoever is logged in has the first; an anonymous id is added where the call has neither.
    """
    try:
        if user_id in _NO_ID:
            details = visitor.details
            found = None if details is None else details.user_id()
            if found is not None:
                return found, anonymous_id
            if anonymous_id is None:
                anonymous_id = visitor.anonymous_id or visitor.profile_id
                user_id = user_id if anonymous_id is None else None
    except Exception as fault:
        log_once(_FAULT, fault)
    return user_id, anonymous_id


def add_to_context(visitor: Visitor, details: RequestDetails, context: Any) -> Any:
    """Return the context of a call, with what the options ``context`` and ``consent`` add."""
    options = visitor.options
    try:
        if options.context is not False and isinstance(context or {}, dict):
            context = {**details.context(), **(context or {})}
    except Exception as fault:
        log_once(_FAULT, fault)
    try:
        if options.consent is not None:
            context = _add_consent(details.consent(), context)
    except Exception as fault:
        log_once(_FAULT, fault)
    return context


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
    ids_by_place, ids = details.browser_ids_by_place(), None
    while ids_by_place:
        filled = parts.copy()
        fill(ids_by_place, filled)
        yield filled
        if ids is None:
            ids = dict(details.browser_ids())
        ids.popitem()
        ids_by_place = by_place(ids)
