"""Koala's visitor for Django's own tasks and for the package django-tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction, isfunction
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
    carries = hasattr(task.func, "koala_function")
    if carries and not isinstance(task.get_backend(), _LOCAL_BACKENDS):
        inject(kwargs)
    return enqueue(task, *args, **kwargs)


class _Function:
    """The function of a task, which takes the visitor out of the arguments it is called with.

    Not ``Task.call()``: Huey's backend calls the function itself.
    """

    def __init__(self, slot: Any) -> None:
        self._slot = slot  # None before Python 3.11, where django-tasks has no slots

    def __get__(self, task: Any, owner: Any = None) -> Any:
        if task is None:
            return self
        function = vars(task)["func"] if self._slot is None else self._slot.__get__(task)
        # A backend refuses any other callable, but would not in a function of ours.
        return _carrying(function) if isfunction(function) else function

    def __set__(self, task: Any, function: Callable[..., Any]) -> None:
        if self._slot is None:
            vars(task)["func"] = function
        else:
            self._slot.__set__(task, function)


@cache  # it must be the same each time, as backends compare the functions of tasks
def _carrying(function: Any) -> Any:
    if hasattr(function, "koala_function"):  # of a task that was copied
        return function
    if iscoroutinefunction(function):

        @wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            return await _run(await_as, function, args, kwargs)
    else:

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return _run(call_as, function, args, kwargs)

    carrying: Any = run
    carrying.koala_function = function
    return carrying


def _run(
    run_as: Callable[..., Any], function: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    if KEY not in kwargs:
        return function(*args, **kwargs)
    visitor = read_visitor({KEY: kwargs.pop(KEY)}, _hooks.options or Options())
    return run_as(visitor, function, *args, **kwargs)


_hooks = Hooks(
    *((task, name, _enqueue) for task in _TASKS for name in ("enqueue", "aenqueue")),
    *((task, "func", _Function(vars(task).get("func"))) for task in _TASKS),
)
instrument: Instrument = _hooks.instrument
uninstrument: Callable[[], None] = _hooks.uninstrument
