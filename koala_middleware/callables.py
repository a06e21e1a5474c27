"""The functions that options take: none of them may be asynchronous.

A coroutine is true whatever it would return, so an async filter would let every request pass.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from koala_middleware.cookies import parse_anonymous_id, parse_profile_id
from koala_middleware.current import call_as
from koala_middleware.faults import log_once

T = TypeVar("T")

_OURS = (parse_profile_id, parse_anonymous_id)  # track nothing, unlike, perhaps, those of a user

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


def ask(function: Callable[[], T]) -> T:
    """Call a function as nobody, and return its answer.

    A server's context may still have somebody from the request before, and an event that is
    tracked while another is filled would ask for itself.
    """
    return answer(call_as(None, function))


def parse_first(
    parse: Callable[[str], str | None], values: Iterable[str], place: str
) -> str | None:
    """Return the first value that ``parse`` accepts, or None; ``place`` is where they are from."""
    try:
        for value in values:
            parsed = parse(value) if parse in _OURS else ask(functools.partial(parse, value))
            if parsed is not None and parsed != "":
                # The SDK silently drops values such as uuid.UUID.
                return parsed if isinstance(parsed, str) else str(parsed)
    except Exception as fault:
        log_once(f"{place} cannot be parsed: its requests have no such id", fault)
    return None
