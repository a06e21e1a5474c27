"""Upload what is queued before the process ends, however it does."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from koala_middleware.forks import in_each_child
from koala_middleware.imports import no_longer_when_imported, when_imported
from koala_middleware.patching import Patches
from koala_middleware.segment import consumers
from koala_middleware.segment.consumers import running_consumers
from koala_middleware.segment.delivery import PAUSE, count_queued, deliver, wake

FLUSH_SECONDS = 5.0
_UVICORN = "uvicorn.server"

_flush_seconds = FLUSH_SECONDS
_knows_multiprocessing = False
_patches = Patches()


def watch_exits() -> None:
    """Upload also where a server ends its process by a signal, which Python's exit never sees."""
    when_imported(_UVICORN, _watch_uvicorn)


def unwatch_exits() -> None:
    """Undo :func:`watch_exits`, and leave exits to the SDK."""
    no_longer_when_imported(_UVICORN, _watch_uvicorn)
    _patches.undo()
    set_flush_seconds(FLUSH_SECONDS)
    for consumer in running_consumers():
        atexit.register(_stop, consumer)


def set_flush_seconds(seconds: float) -> None:
    """Set how long an exit may wait for uploads; with 0 it does what the SDK itself does."""
    global _flush_seconds
    _flush_seconds = seconds
    consumers.exit_uploads = seconds > 0


def exit_before_others() -> None:
    """Upload before the SDK's own function, registered by clients that are older than we are."""
    atexit.unregister(finish)
    atexit.register(finish)


def watch_child() -> None:
    """Upload also in a process of multiprocessing, which runs its own functions at exit."""
    global _knows_multiprocessing
    process: Any = sys.modules.get("multiprocessing.process")
    util: Any = sys.modules.get("multiprocessing.util")
    if not _knows_multiprocessing and util is not None and process.parent_process() is not None:
        _knows_multiprocessing = True
        util.Finalize(None, finish, exitpriority=0)


def finish() -> None:
    """End all uploads, when everything is uploaded or time is up, and log what is lost."""
    running, seconds = running_consumers(), _flush_seconds
    if not seconds:
        for consumer in running:
            _stop(consumer)
        return
    _resolve_without_threads()
    with _not_terminated():
        end = time.monotonic() + seconds
        deliver(seconds)
        for consumer in running:
            consumer.pause()
        while any(each.is_alive() for each in running) and time.monotonic() < end:
            wake(running)
            time.sleep(PAUSE)
    for consumer in running:
        # The SDK's own function for the exit would wait for an upload that hangs.
        consumer.join = lambda timeout=None: None
    lost = count_queued(running)
    if lost:
        import logging  # here, because most processes lose nothing

        logging.getLogger("koala_middleware").error(
            "%d events could not be uploaded within the %g seconds that flush_seconds allows at "
            "exit, and are lost",
            lost,
            seconds,
        )


def _resolve_without_threads() -> None:
    """Let gevent look up hosts where Python 3.12 and later may start no thread, as at exit."""
    gevent: Any = sys.modules.get("gevent")
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None and gevent.config.resolver.__module__ == "gevent.resolver.thread":
        try:
            monkey.get_original("_thread", "start_new_thread")(bool, ())
        except RuntimeError:
            gevent.config.resolver = "block"
            del gevent.get_hub().resolver  # which may have tried


@contextmanager
def _not_terminated() -> Iterator[None]:
    """Ignore what would end the process at once: Hypercorn sends it to workers that exit."""
    ignoring = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if ignoring:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        if ignoring:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(consumer: Any) -> None:
    consumer.pause()
    consumer.join()


def _watch_uvicorn(module: ModuleType) -> None:
    """Upload before uvicorn ends its process by the signal that it was stopped with."""
    if getattr(module, "signal", None) is signal:
        names = vars(signal) | {"raise_signal": _raise_signal}
        _patches.replace(module, "signal", SimpleNamespace(**names))


def _raise_signal(number: int) -> None:
    if signal.getsignal(number) is signal.SIG_DFL:
        finish()
    signal.raise_signal(number)


def _in_child() -> None:
    global _knows_multiprocessing
    _knows_multiprocessing = False


in_each_child(_in_child)
# Early, so that functions registered later, which run earlier, may track.
atexit.register(finish)
