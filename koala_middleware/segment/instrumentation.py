"""Make Segment's ``Client`` classes add the current visitor to their calls."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from koala_middleware.explanation import read_environment
from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child
from koala_middleware.patching import Patches
from koala_middleware.segment.clients import patch_clients, restore_clients
from koala_middleware.segment.exits import set_flush_seconds, unwatch_exits, watch_exits
from koala_middleware.segment.injection import IDENTIFY, TRACK, Method
from koala_middleware.segment.other_calls import OTHER_METHODS, wrap_other
from koala_middleware.segment.sdk import sdk_is_installed, unwatch_sdk, watch_sdk
from koala_middleware.segment.uploads import restart_uploads, undo_restarts
from koala_middleware.segment.wrappers import instrumented, wrap_identify, wrap_track
from koala_middleware.threads import (
    carry_into_threads,
    carry_no_more,
    let_threads_inherit,
    start_threads_as_nobody,
)
from koala_middleware.uwsgi import watch_uwsgi
from koala_middleware.validation import SECONDS

# What else is done for each class that is instrumented.
each_class: list[Callable[[type], None]] = []

_WRAPS: tuple[tuple[Method, Callable[..., Any]], ...] = (
    (TRACK, wrap_track),
    (IDENTIFY, wrap_identify),
    *((method, functools.partial(wrap_other, method)) for method in OTHER_METHODS),
)
_patches = Patches()
_restart_after_fork = True


def instrument(
    client_class: type | None = None,
    *,
    restart_after_fork: bool | None = None,
    flush_seconds: float | None = None,
    threads: bool = False,
) -> None:
    """Make ``track`` carry the current visitor's profile id. A second call changes nothing.

    Without an argument this is for the Segment SDK, imported already or later; with one, for any
    class whose ``track`` takes what the SDK's takes, such as RudderStack's ``Client``.

    In a forked child the SDK would queue events that nothing sends, so there the first call
    through a client restarts its uploads; ``restart_after_fork=False``, once and before any
    middleware is built, leaves that to you.

    When the process ends, clients upload what they have queued, for ``flush_seconds`` at most: 5
    unless given here, or to a middleware. 0 leaves exits to the SDK, which drops the queue.

    With ``threads=True`` a ``threading.Thread``, and each call that a ``ThreadPoolExecutor`` is
    given, runs as the visitor of whoever started or submitted it, as if by ``carry()``.

    Raises TypeError for a class without such a ``track``, and TypeError or ValueError for seconds
    that are not valid.
    """
    global _restart_after_fork
    if flush_seconds is not None:
        SECONDS(flush_seconds, "instrument: flush_seconds")
        set_flush_seconds(flush_seconds)
    if restart_after_fork is not None:
        _restart_after_fork = restart_after_fork
    read_environment()
    watch_uwsgi()
    watch_exits()
    start_threads_as_nobody()
    if threads:
        carry_into_threads()
    if client_class is not None:
        if not accepts(client_class, TRACK):
            expected = f"a class with track(self, {', '.join(TRACK.parameters)}, …)"
            raise TypeError(f"instrument: expected {expected}, got {client_class!r}")
        _instrument_class(client_class)
        return
    watch_sdk(_instrument_module)
    if not sdk_is_installed():
        log_once(
            "Segment's SDK is not installed, so no event gets a profile id: "
            "pip install segment-analytics-python"
        )


def uninstrument() -> None:
    """Restore each instrumented class's own ``track``, and leave SDKs imported later alone."""
    global _restart_after_fork
    _restart_after_fork = True
    unwatch_sdk(_instrument_module)
    carry_no_more()
    let_threads_inherit()
    undo_restarts()
    unwatch_exits()
    restore_clients()
    _patches.undo()
    instrumented.clear()


def _after_fork_in_child() -> None:
    if _restart_after_fork:
        for client_class in list(instrumented):
            restart_uploads(client_class)


in_each_child(_after_fork_in_child)


def _instrument_module(module: ModuleType) -> None:
    client_class: Any = getattr(module, "Client", None)
    if accepts(client_class, TRACK):
        _instrument_class(client_class)
    elif module.__name__.startswith("segment."):  # else it is a package of the user's own
        log_once(
            "Segment's SDK has no Client.track that we know, so no event gets a profile id: "
            "pip install --upgrade segment-analytics-python"
        )


def accepts(client_class: Any, method: Method) -> bool:
    """Return whether a class has a method with the parameters that all the SDK's versions share."""
    try:
        signature = inspect.signature(getattr(client_class, method.name))
    except (AttributeError, TypeError, ValueError):
        return False
    _, *parameters = signature.parameters.values() or (None,)
    shared = [
        parameter.name
        for parameter in parameters[: len(method.parameters)]
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and parameter.default
        in (None, parameter.empty)  # ours passes None where the caller is silent
    ]
    return isinstance(client_class, type) and tuple(shared) == method.parameters


def _instrument_class(client_class: type) -> None:
    instrumented.add(client_class)
    for method, wrap in _WRAPS:
        if accepts(client_class, method):
            _patches.wrap(client_class, method.name, functools.partial(wrap, client_class))
    if _restart_after_fork:
        restart_uploads(client_class)
    patch_clients(client_class)
    for call in tuple(each_class):  # another thread may begin or end a capture
        call(client_class)
