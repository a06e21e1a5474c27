"""A client's queue that counts what it takes, and can hand its events over without delay."""

from __future__ import annotations

import sys
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from koala_middleware.faults import log_once
from koala_middleware.forks import Lock, in_each_child

if TYPE_CHECKING:
    _Queue = Queue[Any]
elif "gevent.monkey" in sys.modules:
    # From gevent 25.4 on, queue.Queue is its own, which fails between real threads.
    _Queue = sys.modules["gevent.monkey"].get_original("queue", "Queue")
else:
    _Queue = Queue

_WAKE: Any = object()

_lock = Lock()
_outboxes: WeakSet[Outbox] = WeakSet()


class Outbox(_Queue):
    """The events of a client that are not uploaded yet, and the number of all that ever were.

    Each event that was taken is sent, dropped or still queued. Events are counted with the
    queue's own lock held.
    """

    write_key: str = ""
    host: str | None = None
    taken: int = 0
    sent: int = 0
    settled: int = 0
    has_thread: bool = True
    """Whether events are uploaded before the exit of the process."""
    unfinished_tasks: int  # of the base class

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._begin()

    def _begin(self) -> None:
        self.dropped: dict[str, int] = {}
        with _lock:
            _outboxes.add(self)

    def label(self, owner: Any) -> None:
        """Remember whose events these are: those of a client or a consumer."""
        self.write_key, self.host = owner.write_key, owner.host

    @property
    def queued(self) -> int:
        return self.taken - self.settled

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an event, and count one that the queue is too full for."""
        if block:
            super().put(item, block, timeout)
            return
        # What the standard library does, but in fewer calls, as each ``track`` comes through here.
        with self.mutex:
            if not 0 < self.maxsize <= len(self.queue) or self._has_room():
                self._put(item)
                self.unfinished_tasks += 1
                self.not_empty.notify()
                return
            self.taken += 1
        self.settle(1, "queue full")
        log_once(
            "the queue of a Segment client is full, so events are dropped: give the client a larger"
            " max_queue_size or more upload threads (thread=)"
        )
        raise Full

    def _has_room(self) -> bool:
        return bool(len(self.queue) - self.queue.count(_WAKE) < self.maxsize)

    def _put(self, item: Any) -> None:
        self.taken += 1
        self.queue.append(item)

    def _get(self) -> Any:
        item = self.queue.popleft()
        if item is _WAKE:
            raise Empty  # ends the batch
        return item

    def join(self) -> None:
        """Wait until all events are taken out, as ``flush()`` does, unless no thread takes any."""
        if self.has_thread:
            super().join()

    def give_back(self, batch: list[Any]) -> None:
        """Put back what was taken out, in front, however full the queue is."""
        with self.mutex:
            self.queue.extendleft(reversed(batch))
            self.unfinished_tasks += len(batch)
            self.not_empty.notify()

    def settle(self, count: int, reason: str | None = None) -> None:
        """Count events that were sent or, for a reason, dropped."""
        with self.mutex:
            if reason is None:
                self.sent += count
            else:
                self.dropped[reason] = self.dropped.get(reason, 0) + count
            self.settled += count

    def wake(self) -> None:
        """Make an upload thread that waits for more events upload what it has."""
        with self.mutex:
            if not self.queue or self.queue[-1] is not _WAKE:
                self.queue.append(_WAKE)
                self.not_empty.notify()


def adopt(consumer: Any) -> None:
    """Make an outbox of the queue that a consumer takes events from."""
    if type(consumer.queue) is _Queue:
        outbox: Any = consumer.queue
        with outbox.mutex:
            outbox.taken = outbox.unfinished_tasks
            outbox.__class__ = Outbox
        outbox._begin()
        outbox.label(consumer)


def outboxes() -> list[Outbox]:
    """Return those of this process."""
    with _lock:
        return list(_outboxes)


# A child does not upload what its parent has queued.
in_each_child(_outboxes.clear)
