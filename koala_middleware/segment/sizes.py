"""Segment's limit of 32 KB for an event."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
_MOST_BYTES = 32 << 10
# More than what the SDK itself adds to an event: its ids, its time, and the name of the library.
_ADDED_BYTES = 512


def is_oversize(error: RuntimeError) -> bool:
    """Return whether the SDK's error says that an event is over 32 KB."""
    return bool(error.args) and str(error.args[0]).startswith("Message exceeds ")


def loses_oversize(client_class: Any) -> bool:
    """Return whether an event over 32 KB is lost without an error.

    The SDK raises one since 2.0. Before, and in the old module of some newer wheels, such an event
    is lost later, in the thread that uploads. So it is with RudderStack's SDK.
    """
    enqueue = getattr(client_class, "_enqueue", None)
    code = getattr(inspect.unwrap(enqueue), "__code__", None) if enqueue else None
    return code is not None and "MAX_MSG_SIZE" not in code.co_names


def checking_size(original: Callable[..., Any]) -> Callable[..., Any]:
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
