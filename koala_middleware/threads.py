"""Keep visitors out of the threads that a request starts, unless asked to carry them.

Python 3.14 can start a thread with a copy of its starter's context, and free-threaded builds do so
by default. A pool's thread would then work for one visitor for as long as the pool lives:
https://docs.python.org/3/using/cmdline.html#cmdoption-X (``thread_inherit_context``)
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from threading import Thread
from types import MethodType
from typing import TYPE_CHECKING, Any

from koala_middleware import current
from koala_middleware.current import call_as
from koala_middleware.faults import log_once
from koala_middleware.patching import Patches

if TYPE_CHECKING:
    from koala_middleware.visitor import Visitor

_patches = Patches()
_carrying = Patches()

# What threads that work for everybody run: those of pools, of listeners, and of the SDKs' uploads.
_SHARED = re.compile(r"(?:concurrent|logging|multiprocessing)\b|.*\banalytics\.consumer$")


def start_threads_as_nobody() -> None:
    """Make threads start without a visitor where they would inherit one."""
    if getattr(sys.flags, "thread_inherit_context", False):
        _patches.wrap(Thread, "start", _as_nobody)


def let_threads_inherit() -> None:
    """Undo :func:`start_threads_as_nobody`."""
    _patches.undo()


def carry_into_threads() -> None:
    """Make each thread, and each call that a pool is given, run as the visitor of the caller."""
    from concurrent.futures import ThreadPoolExecutor  # here, because it imports a lot

    _carrying.wrap(Thread, "start", _as_starter)
    _carrying.wrap(ThreadPoolExecutor, "submit", _as_caller)
    # Which, with a buffer (Python 3.14), submits when its results are read, by whoever reads them.
    _carrying.wrap(ThreadPoolExecutor, "map", _as_caller)


def carry_no_more() -> None:
    """Undo :func:`carry_into_threads`; what has begun or is queued keeps its visitor."""
    _carrying.undo()


def _as_nobody(start: Callable[[Thread], None]) -> Callable[[Thread], None]:
    @functools.wraps(start)
    def start_as_nobody(self: Thread) -> None:
        if start_as_nobody in _patches:
            # Of the context that is copied meanwhile, only our own variable is another.
            call_as(None, start, self)
        else:
            start(self)

    return start_as_nobody


def _as_starter(start: Callable[[Thread], None]) -> Callable[[Thread], None]:
    @functools.wraps(start)
    def start_carrying(self: Thread) -> None:
        visitor, patches = current.variable.get(), Patches()
        if visitor is not None and start_carrying in _carrying:
            try:
                if _is_one_task(self):
                    _run_as(visitor, self, patches)
            except Exception as fault:  # of a target or a run() that is not what it seems
                patches.undo()
                log_once("a thread runs without its starter's visitor", fault)
        try:
            start(self)
        except BaseException:
            patches.undo()
            raise

    return start_carrying


def _run_as(visitor: Visitor, thread: Thread, patches: Patches) -> None:
    """Have a thread run once as a visitor, and keep neither the visitor nor a cycle after that."""
    run = thread.run
    work = [lambda: call_as(visitor, run)]

    def run_once(self: Thread) -> None:
        patches.undo()
        work.pop()()

    # A method, as error trackers call the function of what they find:
    # https://github.com/getsentry/sentry-python/blob/2.75.0/sentry_sdk/integrations/threading.py
    patches.replace(thread, "run", MethodType(run_once, thread))


def _is_one_task(thread: Any) -> bool:
    """Return whether a thread was given one thing to do, and no context of its own to do it in."""
    if getattr(thread, "_context", None) is not None:  # Python 3.14
        return False
    work = getattr(thread, "_target", None) or type(thread).run
    return _SHARED.match(getattr(work, "__module__", None) or "") is None


def _as_caller(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call_carrying(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if call_carrying in _carrying and not _runs_elsewhere(self):
            fn = functools.partial(call_as, current.variable.get(), fn)
        return method(self, fn, *args, **kwargs)

    return call_carrying


def _runs_elsewhere(pool: object) -> bool:
    """Return whether a pool's work runs in other interpreters (Python 3.14), not in threads."""
    module: Any = sys.modules.get("concurrent.futures.interpreter")
    return module is not None and isinstance(pool, module.InterpreterPoolExecutor)
