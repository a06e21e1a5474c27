"""The visitor of the code that runs now: one variable, set and reset around each piece of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from koala_middleware.forks import in_each_child

if TYPE_CHECKING:
    from koala_middleware.visitor import Visitor

P = ParamSpec("P")
R = TypeVar("R")

# Read it from this module each time it is set, and reset it with what was read.
variable: ContextVar[Visitor | None] = ContextVar("koala_visitor", default=None)


def call_as(
    visitor: Visitor | None, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call ``call`` with ``visitor`` current, and restore whoever was current before."""
    current = variable
    token = current.set(visitor)
    try:
        return call(*args, **kwargs)
    finally:
        current.reset(token)


async def await_as(
    visitor: Visitor | None, call: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Await ``call`` with ``visitor`` current, and restore whoever was current before."""
    current = variable
    token = current.set(visitor)
    try:
        return await call(*args, **kwargs)
    finally:
        reset_after_await(current, token)


def reset_after_await(current: ContextVar[Visitor | None], token: Token[Visitor | None]) -> None:
    """Restore whoever was current before, if this is still the context where that was."""
    try:  # noqa: SIM105 (a with statement would cost each request more)
        current.reset(token)
    except ValueError:
        # An abandoned coroutine is closed in whatever context the garbage collector ran in, where
        # our visitor was never set and there is nothing to restore:
        # https://github.com/open-telemetry/opentelemetry-python/issues/2606
        pass


def _after_fork_in_child() -> None:
    # The contexts that were entered before the fork have the parent's visitor, and a child that
    # leaves one is back in the next. They cannot be changed from here, but a new variable has no
    # value in any of them.
    global variable
    variable = ContextVar(variable.name, default=None)


in_each_child(_after_fork_in_child)
