"""What an instrumented ``track`` or ``identify`` does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from koala_middleware import current
from koala_middleware.request import RequestDetails
from koala_middleware.segment.injection import IDENTIFY, TRACK, add_visitor, with_browser_ids

# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
_MOST_BYTES = 32 << 10
# More than what the SDK itself adds to an event: its ids, its time, and the name of the library.
_ADDED_BYTES = 512
_TOO_LARGE = object()

# A wrapper whose class is not among these passes calls on: somebody else's may still wrap it.
instrumented: set[type] = set()

# The wrappers spell out what all versions of the SDK take, and unpack only where there is more:
# unpacking the arguments of each call would cost more than all that is added to it.


def wrap_track(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``track`` that adds the current visitor to what it passes on."""
    checked = _checking_size(original) if _loses_oversize(client_class) else original
    takes_integrations = "integrations" in inspect.signature(original).parameters

    @functools.wraps(original)
    def track(
        self: Any,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *extra: Any,
        **extra_keywords: Any,
    ) -> Any:
        visitor = current.variable.get()
        send, send_filled = original, checked
        if extra or extra_keywords:
            send = _passing(extra, extra_keywords, send)
            send_filled = _passing(extra, extra_keywords, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, event, properties, context, timestamp, anonymous_id)
        user_id, filled_values, filled_context, anonymous_id = add_visitor(
            visitor, TRACK, user_id, properties, context, anonymous_id
        )
        if visitor.details is not None and visitor.options.browser_ids:
            parts = {"properties": filled_values, "context": filled_context}
            for filled, more in _with_browser_ids(
                visitor.details, parts, takes_integrations, extra, extra_keywords
            ):
                result = _send_if_small(
                    more(checked),
                    self,
                    user_id,
                    event,
                    filled["properties"],
                    filled["context"],
                    timestamp,
                    anonymous_id,
                )
                if result is not _TOO_LARGE:
                    return result
        try:
            if filled_values is not properties or filled_context is not context:
                return send_filled(
                    self, user_id, event, filled_values, filled_context, timestamp, anonymous_id
                )
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, event, properties, context, timestamp, anonymous_id)

    return track


def wrap_identify(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return an ``identify`` that adds the current visitor to what it passes on."""
    checked = _checking_size(original) if _loses_oversize(client_class) else original
    takes_integrations = "integrations" in inspect.signature(original).parameters

    @functools.wraps(original)
    def identify(
        self: Any,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *extra: Any,
        **extra_keywords: Any,
    ) -> Any:
        visitor = current.variable.get()
        send, send_filled = original, checked
        if extra or extra_keywords:
            send = _passing(extra, extra_keywords, send)
            send_filled = _passing(extra, extra_keywords, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, traits, context, timestamp, anonymous_id)
        user_id, filled_values, filled_context, anonymous_id = add_visitor(
            visitor, IDENTIFY, user_id, traits, context, anonymous_id
        )
        if visitor.details is not None and visitor.options.browser_ids and visitor.options.identify:
            parts = {"traits": filled_values, "context": filled_context}
            for filled, more in _with_browser_ids(
                visitor.details, parts, takes_integrations, extra, extra_keywords
            ):
                result = _send_if_small(
                    more(checked),
                    self,
                    user_id,
                    filled["traits"],
                    filled["context"],
                    timestamp,
                    anonymous_id,
                )
                if result is not _TOO_LARGE:
                    return result
        try:
            if filled_values is not traits or filled_context is not context:
                return send_filled(
                    self, user_id, filled_values, filled_context, timestamp, anonymous_id
                )
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, traits, context, timestamp, anonymous_id)

    return identify


def _passing(
    extra: tuple[Any, ...], extra_keywords: dict[str, Any], send: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a method that also passes on what only some versions of the SDK take."""
    return lambda *shared: send(*shared, *extra, **extra_keywords)


def _with_browser_ids(
    details: RequestDetails,
    parts: dict[str, Any],
    takes_integrations: bool,
    extra: tuple[Any, ...],
    extra_keywords: dict[str, Any],
) -> Iterator[tuple[dict[str, Any], Callable[..., Any]]]:
    """Yield what to try: the parts of a call, and what makes a method pass on the rest of it."""
    if takes_integrations:
        parts["integrations"] = extra[0] if extra else extra_keywords.get("integrations")
    for filled in with_browser_ids(details, parts):
        integrations = filled.get("integrations")
        if integrations is None:
            yield filled, functools.partial(_passing, extra, extra_keywords)
        elif extra:
            yield filled, functools.partial(_passing, (integrations, *extra[1:]), extra_keywords)
        else:
            keywords = {**extra_keywords, "integrations": integrations}
            yield filled, functools.partial(_passing, extra, keywords)


def _send_if_small(send: Callable[..., Any], *args: Any) -> Any:
    """Return what a call returns, or ``_TOO_LARGE`` if the event is over Segment's limit."""
    try:
        return send(*args)
    except RuntimeError as error:
        if not _is_oversize(error):
            raise
        return _TOO_LARGE


def _is_oversize(error: RuntimeError) -> bool:
    return bool(error.args) and str(error.args[0]).startswith("Message exceeds ")


def _loses_oversize(client_class: Any) -> bool:
    """Return whether an event over 32 KB is lost without an error.

    The SDK raises one since 2.0. Before, and in the old module of some newer wheels, such an event
    is lost later, in the thread that uploads. So it is with RudderStack's SDK.
    """
    enqueue = getattr(client_class, "_enqueue", None)
    code = getattr(inspect.unwrap(enqueue), "__code__", None) if enqueue else None
    return code is not None and "MAX_MSG_SIZE" not in code.co_names


def _checking_size(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that raises what newer SDKs raise if the event would be over 32 KB."""
    import json  # here, because newer SDKs need none of this

    def checked(client: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            size = len(json.dumps([args, kwargs], default=str).encode())
        except (TypeError, ValueError, RecursionError):
            size = 0  # what JSON cannot represent is between the caller and the client
        if size > _MOST_BYTES - _ADDED_BYTES:
            raise RuntimeError("Message exceeds 32kb limit")
        return original(client, *args, **kwargs)

    return checked
