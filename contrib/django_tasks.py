"""Koala's visitor for Django's own tasks and for the package django-tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from koala_middleware.carrier import KEY, inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks
from koala_middleware.current import await_as, call_as
from koala_middleware.options import OptionKeywords, Options

if TYPE_CHECKING:
    from typing_extensions import Unpack

with needing("django_tasks"):
    # Of Django since 6.0, and the package, which has the same classes.
    _PACKAGES = [name for name in ("django.tasks", "django_tasks") if find_spec(name)]
    for _name in _PACKAGES or ["django_tasks"]:
        import_module(_name)

_hooks = Hooks()


def instrument(**options: Unpack[OptionKeywords]) -> None:
    """Let each task run as the visitor who was current where it was enqueued.

    Call this where tasks are enqueued and where they run, as ``AppConfig.ready()`` does. Segment's
    calls are instrumented, too.

    :param options: those of :class:`koala_middleware.Options`, of which a task needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for an unknown or wrong option.
    """
    _hooks.instrument(options, _wrap)


def uninstrument() -> None:
    """Undo :func:`instrument`; Segment's calls stay instrumented."""
    _hooks.uninstrument()


def _wrap() -> None:
    for package in _PACKAGES:
        task = import_module(f"{package}.base").Task
        _hooks.wrap(task, "enqueue", _enqueue)
        _hooks.wrap(task, "aenqueue", _enqueue)
        _hooks.wrap(task, "call", _call)
        _hooks.wrap(task, "acall", _acall)


def _enqueue(
    options: Options, enqueue: Callable[..., Any], task: Any, *args: Any, **kwargs: Any
) -> Any:
    if not isinstance(task.get_backend(), _local_backends()):
        inject(kwargs)
    return enqueue(task, *args, **kwargs)


def _local_backends() -> tuple[type, ...]:
    """Return the backends that run a task where it is enqueued, or only note it for a test."""
    return tuple(
        getattr(import_module(f"{package}.backends.{module}"), name)
        for package in _PACKAGES
        for module, name in (("immediate", "ImmediateBackend"), ("dummy", "DummyBackend"))
    )


def _call(options: Options, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if KEY not in kwargs:
        return call(*args, **kwargs)
    visitor = read_visitor({KEY: kwargs.pop(KEY)}, options)
    return call_as(visitor, call, *args, **kwargs)


def _acall(
    options: Options, acall: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
) -> Awaitable[Any]:
    if KEY not in kwargs:
        return acall(*args, **kwargs)
    visitor = read_visitor({KEY: kwargs.pop(KEY)}, options)
    return await_as(visitor, acall, *args, **kwargs)
