"""Wait, for a limited time, until what is queued has been uploaded."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

from koala_middleware.callables import is_coroutine_function
from koala_middleware.segment.consumers import running_consumers, threadless
from koala_middleware.segment.outbox import Outbox, outboxes
from koala_middleware.validation import SECONDS

F = TypeVar("F", bound=Callable[..., Any])

PAUSE = 0.005  # seconds between two checks


def deliver(seconds: float) -> None:
    """Wait until clients have uploaded all that is queued now, or until time is up."""
    end = time.monotonic() + seconds
    for consumer in threadless:
        _upload_here(consumer, end)
    for pause in _pauses(end - time.monotonic()):
        time.sleep(pause)


class delivering:  # noqa: N801 (used like a function)
    """Upload what was tracked in a block, or in a function, before it ends.

    A context manager and a decorator, for functions and coroutine functions alike. For a process
    that is frozen or killed when its work is done, such as AWS Lambda.

    :param seconds: how long to wait at most. Then the uploads go on in the background.

    Raises TypeError or ValueError for seconds that are not valid, and TypeError for a generator
    function, whose body runs after the call has returned.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        SECONDS(seconds, "delivering: seconds")
        self._seconds = seconds

    def __enter__(self) -> None:
        """Begin a block."""

    def __exit__(self, *exc_info: object) -> None:
        deliver(self._seconds)

    async def __aenter__(self) -> None:
        """Begin a block."""

    async def __aexit__(self, *exc_info: object) -> None:
        import asyncio  # here, because synchronous applications need none of it

        for pause in _pauses(self._seconds):
            await asyncio.sleep(pause)

    def __call__(self, call: F) -> F:
        if is_coroutine_function(call):

            @functools.wraps(call)
            async def delivered_coroutine(*args: Any, **kwargs: Any) -> Any:
                async with self:
                    return await call(*args, **kwargs)

            return cast(F, delivered_coroutine)

        @functools.wraps(call)
        def delivered(*args: Any, **kwargs: Any) -> Any:
            with self:
                return call(*args, **kwargs)

        return cast(F, delivered)


def _pauses(seconds: float) -> Iterator[float]:
    """Yield how long to wait before the next check, while something is left to wait for."""
    end = time.monotonic() + seconds
    consumers = running_consumers()
    queues = {id(consumer.queue): consumer.queue for consumer in consumers}.values()
    targets = [(queue, getattr(queue, "taken", 0)) for queue in queues]
    while any(_is_behind(*target) for target in targets):
        left = end - time.monotonic()
        if left <= 0:
            return
        wake(consumers)
        yield min(PAUSE, left)


def _upload_here(consumer: Any, end: float) -> None:
    """Upload in this thread what a consumer without one has queued."""
    consumer.pause()  # so that it does not wait before it tries again
    consumer.retries = 0
    while consumer.queue.queued and (left := end - time.monotonic()) > 0:
        consumer.timeout = left / 2  # to connect, and again to read
        consumer.queue.wake()
        if not consumer.upload():
            time.sleep(PAUSE)


def _is_behind(queue: Any, target: int) -> bool:
    if isinstance(queue, Outbox):
        return queue.settled < target
    return bool(queue.unfinished_tasks)  # of a client that is older than we are, under gevent


def wake(consumers: Iterable[Any]) -> None:
    """Make consumers that wait for more events upload what they have."""
    for consumer in consumers:
        if isinstance(consumer.queue, Outbox):
            consumer.queue.wake()


def count_queued(consumers: Iterable[Any]) -> int:
    """Return the number of events that no client, and none of these consumers, has uploaded."""
    others = {id(c.queue): c.queue for c in consumers if not isinstance(c.queue, Outbox)}
    counts = [outbox.queued for outbox in outboxes()]
    return sum(counts, sum(queue.unfinished_tasks for queue in others.values()))
