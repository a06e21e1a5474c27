"""Keep threads from inheriting the visitor of the request that starts them.

Python 3.14 can start a thread with a copy of its starter's context, and free-threaded builds do so
by default. A pool's thread would then work for one visitor for as long as the pool lives:
https://docs.python.org/3/using/cmdline.html#cmdoption-X (``thread_inherit_context``)
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from threading import Thread

from koala_middleware.current import call_as
from koala_middleware.patching import Patches

_patches = Patches()


def start_threads_as_nobody() -> None:
    """Make threads start without a visitor where they would inherit one."""
    if getattr(sys.flags, "thread_inherit_context", False):
        _patches.wrap(Thread, "start", _as_nobody)


def let_threads_inherit() -> None:
    """Undo :func:`start_threads_as_nobody`."""
    _patches.undo()


def _as_nobody(start: Callable[[Thread], None]) -> Callable[[Thread], None]:
    @functools.wraps(start)
    def start_as_nobody(self: Thread) -> None:
        if start_as_nobody in _patches:
            # Of the context that is copied meanwhile, only our own variable is another.
            call_as(None, start, self)
        else:
            start(self)

    return start_as_nobody
