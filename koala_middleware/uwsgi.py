"""Notice the forks of uWSGI, which tells Python about them only on request.

https://uwsgi-docs.readthedocs.io/en/latest/Options.html#py-call-osafterfork
"""

from __future__ import annotations

import sys
from typing import Any

from koala_middleware.forks import run_in_child
from koala_middleware.imports import when_imported

_DECORATORS = "uwsgidecorators"  # a module that comes with uWSGI


def watch_uwsgi() -> None:
    """Run in uWSGI's children, too, what is run in each child."""
    uwsgi: Any = sys.modules.get("uwsgi")
    next_hook = getattr(uwsgi, "post_fork_hook", None)
    if uwsgi is None or getattr(next_hook, "is_ours", False):
        return

    def post_fork_hook() -> None:
        run_in_child()
        if next_hook is not None:
            next_hook()

    hook: Any = post_fork_hook
    hook.is_ours = True
    uwsgi.post_fork_hook = hook
    if _DECORATORS not in sys.modules:
        when_imported(_DECORATORS, _join_chain)


def _join_chain(uwsgidecorators: Any) -> None:
    # Its import has replaced our hook with one that calls these.
    uwsgidecorators.postfork_chain.append(run_in_child)
