"""What is done for the threads that upload: counting, larger batches, and fixes.

The SDK calls such a thread a consumer.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child
from koala_middleware.patching import Patches
from koala_middleware.segment.outbox import Outbox, outboxes

_DEFAULT_SIZE = 100  # events in a batch, which in their thousands upload slowly
# Of these the SDK uploads as many as fit in 475,000 bytes, because Segment takes 500 KB:
# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#batch
_LARGE_SIZE = 1000

exit_uploads = True
"""Whether the exit of the process uploads, so that a consumer needs no thread there."""
_patches = Patches()
_classes: set[type] = set()
threadless: list[Any] = []
"""Consumers that began at exit, where Python 3.12 and later may start no thread."""


def patch_consumer(consumer_class: Any) -> None:
    """Make consumers count what they upload and drop."""
    if consumer_class in _classes:
        return
    _classes.add(consumer_class)
    _patches.wrap(consumer_class, "start", _starting)
    _patches.wrap(consumer_class, "request", _counting)
    _patches.replace(consumer_class, "on_error", property(_on_error, _setter("on_error")))
    _patches.replace(consumer_class, "upload_size", property(_batch_size, _setter("upload_size")))
    if hasattr(consumer_class, "_requeue"):
        _patches.wrap(consumer_class, "_requeue", _keeping)


def restore_consumers() -> None:
    """Undo :func:`patch_consumer`."""
    _patches.undo()
    _classes.clear()


def running_consumers() -> list[Any]:
    """Return the consumers that upload in this process."""
    classes, own = tuple(_classes), set(outboxes())
    consumers: list[Any] = [each for each in threading.enumerate() if isinstance(each, classes)]
    # Where uWSGI forks, its parent's consumers seem to be alive.
    return [each for each in consumers if not isinstance(each.queue, Outbox) or each.queue in own]


def _setter(name: str) -> Callable[[Any, Any], None]:
    return lambda consumer, value: vars(consumer).update({name: value})


def _starting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: Any) -> None:
        """Keep a consumer without a thread, for which the SDK's ``track`` raises."""
        try:
            original(self)
        except RuntimeError as error:
            at_exit = "interpreter shutdown" in str(error)
            if not (at_exit and exit_uploads and isinstance(self.queue, Outbox)):
                raise
            threadless.append(self)
            self.queue.has_thread = False

    return start


def _counting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(self: Any, batch: list[Any]) -> Any:
        response = original(self, batch)
        if isinstance(self.queue, Outbox):
            self.queue.settle(len(batch))
        return response

    return request


def _on_error(consumer: Any) -> Callable[[Exception, list[Any]], None]:
    """Return what the SDK calls wherever it drops a batch."""

    def on_error(error: Exception, batch: list[Any]) -> None:
        if isinstance(consumer.queue, Outbox):
            consumer.queue.settle(len(batch), _reason(error))
        call = vars(consumer).get("on_error")
        if call is not None:
            try:
                call(error, batch)
            except Exception as fault:  # would end the thread, and with it all uploads
                log_once("the on_error of a Segment client failed", fault)

    return on_error


def _reason(error: Exception) -> str:
    status = getattr(error, "status", None)
    if status is not None:
        return f"HTTP {status}"
    return "rate limited" if type(error) is Exception else type(error).__name__


def _batch_size(consumer: Any) -> int:
    """Return a larger size than the SDK's own while there are more events than that."""
    size: int = vars(consumer)["upload_size"]
    if size != _DEFAULT_SIZE or not isinstance(consumer.queue, Outbox):
        return size
    return _LARGE_SIZE if len(consumer.queue.queue) > _DEFAULT_SIZE else size


def _keeping(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def requeue(self: Any, batch: list[Any]) -> None:
        """Keep a batch for later, where the SDK drops what a full queue has no room for."""
        if isinstance(self.queue, Outbox):
            self.queue.give_back(batch)
        else:
            original(self, batch)

    return requeue


in_each_child(threadless.clear)
