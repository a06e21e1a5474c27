"""What an instrumented ``track`` or ``identify`` does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from koala_middleware.segment.injection import IDENTIFY, TRACK, fill
from koala_middleware.visitor import get_current

# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
_MOST_BYTES = 32 << 10
# More than what the SDK itself adds to an event: its ids, its time, and the name of the library.
_ADDED_BYTES = 512

# A wrapper whose class is not among these passes calls on: somebody else's may still stand on it.
instrumented: set[type] = set()

# The wrappers spell out what all versions of the SDK take, and pass on no more where there is no
# more: unpacking the arguments would cost a call more than all that is added to it.


def wrap_track(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``track`` that adds the current visitor to what it passes on."""
    checked = _checking_size(original) if _loses_oversize(client_class) else original

    @functools.wraps(original)
    def track(
        self: Any,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *more: Any,
        **others: Any,
    ) -> Any:
        visitor = get_current()
        send, send_filled = original, checked
        if more or others:
            send, send_filled = _passing(more, others, send), _passing(more, others, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, event, properties, context, timestamp, anonymous_id)
        user_id, values, about, anonymous_id = fill(
            visitor, TRACK, user_id, properties, context, anonymous_id
        )
        try:
            if values is not properties or about is not context:
                return send_filled(self, user_id, event, values, about, timestamp, anonymous_id)
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, event, properties, context, timestamp, anonymous_id)

    return track


def wrap_identify(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return an ``identify`` that adds the current visitor to what it passes on."""
    checked = _checking_size(original) if _loses_oversize(client_class) else original

    @functools.wraps(original)
    def identify(
        self: Any,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *more: Any,
        **others: Any,
    ) -> Any:
        visitor = get_current()
        send, send_filled = original, checked
        if more or others:
            send, send_filled = _passing(more, others, send), _passing(more, others, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, traits, context, timestamp, anonymous_id)
        user_id, values, about, anonymous_id = fill(
            visitor, IDENTIFY, user_id, traits, context, anonymous_id
        )
        try:
            if values is not traits or about is not context:
                return send_filled(self, user_id, values, about, timestamp, anonymous_id)
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, traits, context, timestamp, anonymous_id)

    return identify


def _passing(
    more: tuple[Any, ...], others: dict[str, Any], send: Callable[..., Any]
) -> Callable[..., Any]:
    """Pass on also what only some versions of the SDK take."""
    return lambda *shared: send(*shared, *more, **others)


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
    """Make a method raise what newer SDKs raise if the event would be over 32 KB."""
    import json  # here, because newer SDKs need none of this

    def checked(client: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            size = len(json.dumps([args, kwargs], default=str).encode())
        except (TypeError, ValueError, RecursionError):
            size = 0  # what JSON has no form for is between the caller and the client
        if size > _MOST_BYTES - _ADDED_BYTES:
            raise RuntimeError("Message exceeds 32kb limit")
        return original(client, *args, **kwargs)

    return checked
