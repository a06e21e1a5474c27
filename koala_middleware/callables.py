"""The functions that options take: none of them may be asynchronous.

A coroutine is true whatever it would return, so an async filter would let every request pass.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

T = TypeVar("T")

FUNCTION = "a callable that is not a coroutine function"


def is_function(value: object) -> bool:
    """Return whether a value can be called, and is not a coroutine or async generator function."""
    while isinstance(value, functools.partial):
        value = value.func
    kinds = (value, getattr(value, "__call__", None))  # noqa: B004 (an object may be async, too)
    return callable(value) and not any(
        inspect.iscoroutinefunction(kind) or inspect.isasyncgenfunction(kind) for kind in kinds
    )


def is_coroutine_function(call: Any) -> bool:
    """Return whether calling a function, or an object, makes a coroutine.

    Raises TypeError for a generator function, whose body runs after the call has returned.
    """
    kinds: list[object] = [call]
    if not isinstance(call, type):
        kinds.append(getattr(call, "__call__", None))  # noqa: B004 (an object may be async, too)
    if any(inspect.isgeneratorfunction(k) or inspect.isasyncgenfunction(k) for k in kinds):
        raise TypeError(f"expected a function or a coroutine function, got a generator: {call!r}")
    return any(map(inspect.iscoroutinefunction, kinds))


def answer(value: T) -> T:
    """Return what a function has returned.

    Raises TypeError if it is awaitable, as of a lambda that calls a coroutine function. A coroutine
    is closed, so that Python does not warn that it was never awaited.
    """
    if hasattr(value, "__await__"):
        close = getattr(value, "close", None)  # futures have none
        if close is not None:
            close()
        raise TypeError("expected an answer, got an awaitable")
    return value
