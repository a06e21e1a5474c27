"""Run something in each child that is forked from this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from threading import RLock
from typing import Any

_DECORATORS = "uwsgidecorators"  # a module that comes with uWSGI
_calls: list[Callable[[], None]] = []


def in_each_child(call: Callable[[], None]) -> None:
    """Call ``call`` in each child, right after the fork."""
    _calls.append(call)


def watch_uwsgi() -> None:
    """Notice also the forks of uWSGI, which tells Python of them only on request.

    https://uwsgi-docs.readthedocs.io/en/latest/Options.html#py-call-osafterfork
    """
    uwsgi = sys.modules.get("uwsgi")
    next_hook = getattr(uwsgi, "post_fork_hook", None)
    if uwsgi is None or getattr(next_hook, "runs_calls", False):
        return

    def post_fork_hook() -> None:
        _run_calls()
        if next_hook is not None:
            next_hook()

    post_fork_hook.runs_calls = True  # type: ignore[attr-defined]
    uwsgi.post_fork_hook = post_fork_hook  # type: ignore[attr-defined]
    if _DECORATORS not in sys.modules:
        from koala_middleware.imports import when_imported  # here, because it needs our Lock

        when_imported(_DECORATORS, _join_chain)


def _join_chain(uwsgidecorators: Any) -> None:
    # Its import has replaced our hook with one that calls these.
    uwsgidecorators.postfork_chain.append(_run_calls)


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


def _run_calls() -> None:
    for call in _calls:
        call()


if hasattr(os, "register_at_fork"):  # pragma: no branch (all but Windows)
    os.register_at_fork(after_in_child=_run_calls)
