"""A visitor for code outside a request: ``profile()`` and ``carry()``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from koala_middleware import current
from koala_middleware.callables import is_coroutine_function
from koala_middleware.options import Options
from koala_middleware.validation import instance_of, optional
from koala_middleware.visitor import DEFAULT_OPTIONS, GivenVisitor, Visitor

if TYPE_CHECKING:
    from uuid import UUID

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = optional(instance_of(Options))


class profile:  # noqa: N801 (used like a function)
    """Make a visitor current for code outside a request; ``profile(None)`` hides the current one.

    A context manager and a decorator, for functions and coroutine functions alike.

    :param profile_id: the Koala profile id; a ``uuid.UUID`` will do.
    :param anonymous_id: Segment's anonymous id, of the same types.
    :param options: those of the middleware, where its ``property_name`` is not the default one.
        In a request the request's are used.

    Raises TypeError for anything else.
    """

    def __init__(
        self,
        profile_id: str | UUID | None,
        *,
        anonymous_id: str | UUID | None = None,
        options: Options | None = None,
    ) -> None:
        if options is not None:
            _OPTIONS(options, f"{type(self).__name__} options")
        if type(profile_id) is not str:  # in most calls it is
            profile_id = _checked_id(profile_id, "profile_id")
        if anonymous_id is not None:
            anonymous_id = _checked_id(anonymous_id, "anonymous_id")
        self._profile_id = profile_id or None
        self._anonymous_id = anonymous_id or None
        self._options = options

    def __enter__(self) -> Visitor:
        visitor = self._visitor()
        current.variable.set(visitor)
        return visitor

    def __exit__(self, *exc_info: object) -> None:
        # No token: one profile may be entered by many threads and tasks, and be left by a
        # generator in another context, where it has nothing to restore.
        inner, visitor = None, current.variable.get()
        while isinstance(visitor, ScopedVisitor) and visitor.entered_by is not self:
            inner, visitor = visitor, visitor.outer
        if not isinstance(visitor, ScopedVisitor):
            return
        if inner is None:
            current.variable.set(visitor.outer)
        else:  # left before one that was entered later, which must not bring it back
            inner.outer = visitor.outer

    async def __aenter__(self) -> Visitor:
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        self.__exit__()

    def __call__(self, call: F) -> F:
        return _scoped(call, self._visitor)

    def _visitor(self) -> ScopedVisitor:
        outer = current.variable.get()
        options = self._options or (outer.options if outer is not None else DEFAULT_OPTIONS)
        visitor = ScopedVisitor(self._profile_id, self._anonymous_id, None, options)
        visitor.entered_by = self
        visitor.outer = outer
        return visitor


def _checked_id(value: str | UUID | None, name: str) -> str | None:
    if not isinstance(value, str | None):
        from uuid import UUID  # here, because few applications need it

        if not isinstance(value, UUID):
            raise TypeError(f"profile {name}: expected a str, a uuid.UUID or None, got {value!r}")
    return None if value is None else str(value)


class ScopedVisitor(GivenVisitor):
    """A visitor who is current until a block is left."""

    __slots__ = ("entered_by", "outer")
    entered_by: profile
    outer: Visitor | None


def carry(call: F) -> F:
    """Return ``call`` bound to the visitor that is current now, for another thread or task.

    Takes functions, coroutine functions, methods and partials. Only the visitor goes along, no
    other context variable.

    Raises TypeError for a generator function, whose body runs after the call has returned.
    """
    visitor = current.variable.get()
    return _scoped(call, lambda: visitor)


def _scoped(call: F, visitor: Callable[[], Visitor | None]) -> F:
    if is_coroutine_function(call):

        @functools.wraps(call)
        async def scoped_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await current.await_as(visitor(), call, *args, **kwargs)

        return cast(F, scoped_coroutine)

    @functools.wraps(call)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        return current.call_as(visitor(), call, *args, **kwargs)

    return cast(F, scoped)
