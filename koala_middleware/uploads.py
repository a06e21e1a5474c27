"""Restart the uploads of Segment's clients in a forked child.

The SDK queues events and uploads them in a thread. A fork copies the queue but not the thread, so
in the child ``track`` returns True and nothing is ever sent: with gunicorn's ``--preload``, uWSGI,
Celery's prefork pool and multiprocessing.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterable
from copy import copy
from queue import Queue
from typing import Any

from koala_middleware.faults import log_once

_restarting: list[tuple[Any, str, Callable[..., Any]]] = []


class _Fork:
    """Know a fork by what it has ended."""

    def __init__(self, gone: list[threading.Thread]) -> None:
        self.gone = gone
        self.lock = threading.Lock()

    def ended(self, consumer: Any) -> bool:
        started = consumer.ident is not None and consumer.running
        return started and (consumer in self.gone or not consumer.is_alive())


def restart_uploads(client_classes: Iterable[type]) -> None:
    """Make the first call through each client restart its uploads. To be called in the child.

    The child's events go to a fresh queue: those from before the fork are the parent's to send.
    """
    keep_dead_uploads()
    # Python itself forgets the parent's threads, but not where uWSGI forks behind its back.
    gone = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    this_fork = _Fork(gone)
    for client_class in client_classes:
        for name in ("_enqueue", "flush"):
            method = getattr(client_class, name, None)
            if method is not None:
                _restarting.append((client_class, name, method))
                setattr(client_class, name, _restart_first(method, this_fork))


def keep_dead_uploads() -> None:
    """Undo :func:`restart_uploads` for clients that have not been used since."""
    while _restarting:
        client_class, name, method = _restarting.pop()
        setattr(client_class, name, method)


def _restart_first(method: Callable[..., Any], this_fork: _Fork) -> Callable[..., Any]:
    @functools.wraps(method)
    def restart_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "_koala_fork", None) is not this_fork:
            with this_fork.lock:
                if getattr(self, "_koala_fork", None) is not this_fork:
                    try:
                        _restart(self, method, this_fork)
                    except Exception as fault:
                        log_once("the uploads of a client did not survive a fork", fault)
                    self._koala_fork = this_fork
        return method(self, *args, **kwargs)

    return restart_first


def _restart(client: Any, method: Callable[..., Any], this_fork: _Fork) -> None:
    post = inspect.unwrap(method).__globals__.get("post")
    if post is not None:
        _renew_session(post.__globals__)
    consumers = client.consumers or ()  # None: sync_mode
    if client.send and any(map(this_fork.ended, consumers)):
        client.queue = Queue(client.queue.maxsize)
        client.consumers = [_anew(consumer, client.queue) for consumer in consumers]
        for consumer in client.consumers:
            consumer.start()


def _anew(consumer: Any, queue: Queue[Any]) -> Any:
    # In every version the consumer keeps what it was made with under the same names.
    _, *names = inspect.signature(type(consumer).__init__).parameters
    return type(consumer)(**{name: getattr(consumer, name) for name in names} | {"queue": queue})


def _renew_session(request_module: dict[str, Any]) -> None:
    """Replace the session of ``requests``: its open connections are the parent's, too."""
    session = request_module.get("_session")
    if session is not None:
        renewed = copy(session)
        # A copied adapter starts with an empty pool of connections.
        adapters = [(prefix, copy(adapter)) for prefix, adapter in session.adapters.items()]
        renewed.adapters = type(session.adapters)(adapters)
        request_module["_session"] = renewed
