"""Koala's visitor for Django's own tasks and for the package django-tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from koala_middleware.carrier import KEY, inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks, Instrument
from koala_middleware.current import await_as, call_as
from koala_middleware.options import Options

with needing("django_tasks"):
    # Of Django since 6.0, and the package, which has the same classes.
    _PACKAGES = [name for name in ("django.tasks", "django_tasks") if find_spec(name)]
    _TASKS = [import_module(f"{name}.base").Task for name in _PACKAGES or ["django_tasks"]]

# What runs a task where it is enqueued, or only notes it for a test.
_LOCAL_BACKENDS = tuple(
    getattr(import_module(f"{package}.backends.{module}"), name)
    for package in _PACKAGES
    for module, name in (("immediate", "ImmediateBackend"), ("dummy", "DummyBackend"))
)


def _enqueue(
    options: Options, enqueue: Callable[..., Any], task: Any, *args: Any, **kwargs: Any
) -> Any:
    if not isinstance(task.get_backend(), _LOCAL_BACKENDS):
        inject(kwargs)
    return enqueue(task, *args, **kwargs)


def _run(
    run_as: Callable[..., Any],
    options: Options,
    run: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Any:
    if KEY not in kwargs:
        return run(*args, **kwargs)
    visitor = read_visitor({KEY: kwargs.pop(KEY)}, options)
    return run_as(visitor, run, *args, **kwargs)


_WAYS: dict[str, Callable[..., Any]] = {
    "enqueue": _enqueue,
    "aenqueue": _enqueue,
    "call": partial(_run, call_as),
    "acall": partial(_run, await_as),
}
_hooks = Hooks(*((task, name, ours) for task in _TASKS for name, ours in _WAYS.items()))
instrument: Instrument = _hooks.instrument
uninstrument: Callable[[], None] = _hooks.uninstrument
