"""What is done for each client: a queue that counts, and fixes for the SDK's faults."""

from __future__ import annotations

import atexit
import functools
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from koala_middleware.patching import Patches
from koala_middleware.segment.consumers import (
    patch_consumer,
    restore_consumers,
    running_consumers,
)
from koala_middleware.segment.exits import exit_before_others, watch_child
from koala_middleware.segment.outbox import Outbox, adopt

_patches = Patches()


def patch_clients(client_class: type) -> None:
    """Prepare the clients of a class, and those that exist, if they queue as the SDK's do."""
    for base in client_class.__mro__:
        module: Any = sys.modules.get(base.__module__)
        consumer_class = getattr(module, "Consumer", None)
        if isinstance(consumer_class, type) and hasattr(module, "queue"):
            patch_consumer(consumer_class)
            if not isinstance(module.queue, SimpleNamespace):
                # Not one client at a time, when its threads have started to take from a queue.
                names = vars(module.queue) | {"Queue": Outbox}
                _patches.replace(module, "queue", SimpleNamespace(**names))
            _patches.wrap(base, "__init__", _completing)
            _patches.wrap(base, "join", _joining)
            consumers = running_consumers()
            for consumer in consumers:
                adopt(consumer)
            if consumers:
                exit_before_others()
                watch_child()


def restore_clients() -> None:
    """Undo :func:`patch_clients`."""
    _patches.undo()
    restore_consumers()


def _completing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if init in _patches:
            self.queue.label(self)
            watch_child()
            # The SDK stops the uploads at exit; we do, once all is uploaded.
            atexit.unregister(self.join)
            started = [each for each in running_consumers() if each.queue is self.queue]
            if started:
                self.consumers = started  # of which the SDK keeps one

    return init


def _joining(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def join(self: Any) -> None:
        if self.consumers is not None:  # as in sync_mode, where the SDK raises TypeError
            original(self)

    return join
