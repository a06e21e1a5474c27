"""Restart the uploads of Segment's clients in a forked child.

The SDK queues events and uploads them in a thread. A fork copies the queue but not the thread, so
in the child ``track`` returns True and nothing is ever sent: with gunicorn's ``--preload``, uWSGI,
Celery's prefork pool and multiprocessing.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child
from koala_middleware.patching import Patches
from koala_middleware.segment.exits import watch_child
from koala_middleware.segment.outbox import Outbox

_patches = Patches()


class _Fork:
    """The threads and connections that did not survive a particular fork."""

    def __init__(self) -> None:
        # Python itself forgets the parent's threads, but not where uWSGI forks behind its back.
        this_thread = threading.current_thread()
        self.threads = [thread for thread in threading.enumerate() if thread is not this_thread]
        self.sessions: list[Any] = []
        self.pools: list[Any] = []
        self.lock = threading.RLock()

    def died(self, consumer: Any) -> bool:
        return consumer.running and (consumer in self.threads or not consumer.is_alive())

    def renew_session(self, session: Any) -> None:
        """Forget a session's open connections, which are the parent's, and its locks."""
        if session in self.sessions:
            return
        self.sessions.append(session)
        try:
            session.cookies._cookies_lock = threading.RLock()
            for adapter in session.adapters.values():
                if hasattr(adapter, "poolmanager"):
                    # Kept, because a pool that is freed waits for its lock.
                    self.pools.append(dict(vars(adapter)))
                    adapter.__setstate__(adapter.__getstate__())  # makes empty ones
        except Exception as fault:
            log_once("a forked process goes on with its parent's connections", fault)


_fork: _Fork | None = None  # the one that this process began with


def _after_fork_in_child() -> None:
    global _fork
    _fork = _Fork()


in_each_child(_after_fork_in_child)


def restart_uploads(client_class: type) -> None:
    """Make the first call through each client restart its uploads, if this is a forked child.

    The child's events go to a fresh queue: those from before the fork are the parent's to send.
    """
    if _fork is None:
        return
    for name in ("_enqueue", "flush"):
        if hasattr(client_class, name):
            _patches.wrap(client_class, name, _restart_first)


def undo_restarts() -> None:
    """Undo :func:`restart_uploads` for clients that have not been used since."""
    _patches.undo()


def _restart_first(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def restart_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        fork: Any = _fork
        if getattr(self, "_koala_fork", None) is not fork and restart_first in _patches:
            with fork.lock:
                if getattr(self, "_koala_fork", None) is not fork:
                    try:
                        _restart(self, fork)
                    except Exception as fault:
                        log_once("the uploads of a client did not survive a fork", fault)
        return method(self, *args, **kwargs)

    return restart_first


def _restart(client: Any, fork: _Fork) -> None:
    try:
        for session in _sessions(type(client)):
            fork.renew_session(session)
        oauth_manager = getattr(client, "oauth_manager", None)
        if oauth_manager is not None:
            oauth_manager.token_mutex = threading.Lock()
            oauth_manager.thread = None
        consumers = getattr(client, "consumers", None) or ()  # None: sync_mode
        if any(map(fork.died, consumers)) and client.send:
            queue = Outbox(client.queue.maxsize)
            queue.label(client)
            watch_child()
            consumers = [copy_consumer(consumer, queue) for consumer in consumers]
            client.queue, client.consumers = queue, consumers
            for consumer in consumers:
                consumer.start()
    finally:
        client._koala_fork = fork  # last, as other threads go ahead when they see it


def _sessions(client_class: type) -> Iterator[Any]:
    """Yield the sessions of ``requests`` that the SDK's modules hold, for uploads and OAuth."""
    for base in client_class.__mro__:
        client_module = sys.modules.get(base.__module__)
        for name in ("post", "OauthManager"):
            module = sys.modules.get(getattr(getattr(client_module, name, None), "__module__", ""))
            session = getattr(module, "_session", None)
            if session is not None:
                yield session


def copy_consumer(consumer: Any, queue: Any) -> Any:
    """Return a consumer that has not begun, with all that this one was given but its queue."""
    copied = copy(consumer)
    threading.Thread.__init__(copied, daemon=consumer.daemon)
    copied.queue = queue
    return copied
