"""A thread pool whose work keeps the visitor of whoever submitted it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from koala_middleware import current

P = ParamSpec("P")
R = TypeVar("R")


class Executor(ThreadPoolExecutor):
    """A ``ThreadPoolExecutor`` whose work runs as the visitor of its ``submit()`` or ``map()``.

    The visitor is current for that one call. A thread of the pool has nobody before and after, so
    its ``initializer`` and a future's ``add_done_callback()`` have nobody either.
    """

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        submit: Any = super().submit
        visitor = current.variable.get()
        # Threads are started within, and must not inherit the visitor.
        future: Future[R] = current.call_as(
            None, submit, current.call_as, visitor, fn, *args, **kwargs
        )
        return future

    def map(self, fn: Callable[..., R], *iterables: Iterable[Any], **options: Any) -> Iterator[R]:
        # With a buffer (Python 3.14) it submits when its results are read, by whoever reads them.
        call = partial(current.call_as, current.variable.get(), fn)
        return super().map(call, *iterables, **options)
