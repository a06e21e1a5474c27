"""Run something in each child that is forked from this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock

_calls: list[Callable[[], None]] = []


def in_each_child(call: Callable[[], None]) -> None:
    """Call ``call`` in each child, right after the fork."""
    _calls.append(call)


class Lock:
    """A reentrant lock that is free in a forked child, whoever held it in the parent."""

    def __init__(self) -> None:
        self._renew()
        in_each_child(self._renew)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()

    def _renew(self) -> None:
        self._lock = RLock()


def run_in_child() -> None:
    """Run everything that was given to :func:`in_each_child`."""
    for call in _calls:
        call()


if hasattr(os, "register_at_fork"):  # pragma: no branch (all but Windows)
    os.register_at_fork(after_in_child=run_in_child)
