"""Run something in each child that is forked from this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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
        from wrapt import register_post_import_hook  # here: it takes longer to import than we do

        register_post_import_hook(_join_chain, _DECORATORS)


def _join_chain(uwsgidecorators: Any) -> None:
    # Its import has replaced our hook with one that calls these.
    uwsgidecorators.postfork_chain.append(_run_calls)


def _run_calls() -> None:
    for call in _calls:
        call()


if hasattr(os, "register_at_fork"):  # pragma: no branch (all but Windows)
    os.register_at_fork(after_in_child=_run_calls)
