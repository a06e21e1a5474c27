"""Koala's visitor for Celery."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from inspect import isroutine
from typing import TYPE_CHECKING, Any

from koala_middleware import current
from koala_middleware.carrier import KEY, VERSION, inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import prepare
from koala_middleware.options import OptionKeywords, Options
from koala_middleware.patching import Patches
from koala_middleware.segment.exits import finish

with needing("celery"):
    from celery import Celery, Task, signals
    from celery.app.amqp import AMQP
    from celery.worker.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

# The headers of the version before, which wrote what a carrier has in it one by one.
_BEFORE = {
    "koala_profile_id": "profile_id",
    "koala_anonymous_id": "anonymous_id",
    "koala_properties": "properties",
}
_HEADERS = (KEY, *_BEFORE)

_options: dict[Celery | None, Options] = {}
_patches = Patches()


def instrument(app: Celery | None = None, **options: Unpack[OptionKeywords]) -> None:
    """Let each task run as the visitor who was current where it was sent.

    Call this where tasks are sent and where they run. Segment's calls are instrumented, too, and
    a worker that shuts down uploads what they have queued.

    :param app: the only Celery app this is for, or None for all of the process.
    :param options: those of :class:`koala_middleware.Options`, of which a task needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for what is not an app, and for an unknown or wrong option.
    """
    if not isinstance(app, Celery | None):
        raise TypeError(f"instrument: expected a Celery app or None, got {app!r}")
    app_options = prepare(options)
    if not _options:
        for owner, name, ours in _hooks():
            _patches.replace(owner, name, ours)
        signals.worker_process_shutdown.connect(_finish)
    _options[app] = app_options


def uninstrument() -> None:
    """Undo :func:`instrument` for every app; Segment's calls stay instrumented."""
    _options.clear()
    signals.worker_process_shutdown.disconnect(_finish)
    _patches.undo()


def _hooks() -> Iterator[tuple[type, str, Any]]:
    # What sends a message, once the caller and the routes have said what its headers are.
    cached = vars(AMQP)["send_task_message"]
    get, *others = cached.__get__, cached.__set__, cached.__delete__
    send = property(lambda amqp: _within(_send, amqp.app, get(amqp, AMQP)), *others)
    yield AMQP, "send_task_message", send
    # What runs a message's task, its handlers and callbacks. An eager task has one of its own.
    trace = property(
        lambda task: _within(_trace, task.app, vars(task).get("__trace__")),
        lambda task, tracer: vars(task).update(__trace__=tracer),
        _delete_tracer,
    )
    yield Task, "__trace__", trace
    # What the worker does itself for a task whose process it has killed or lost, or never starts.
    for name in ("on_failure", "on_timeout", "revoked", "terminate"):
        yield Request, name, _handler(vars(Request)[name])


def _within(ours: Callable[..., Any], app: Celery, function: Any) -> Any:
    """Return a function within ours.

    What a test has put in its place, to ask it about its calls, stays as it is; and so does ours,
    if it was read to be put back later.
    """
    if isinstance(function, partial):
        return function if function.func is ours else partial(ours, app, function)
    return partial(ours, app, function) if isroutine(function) else function


def _send(app: Celery, send: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if _options_of(app):
        headers = dict(kwargs.get("headers") or {})
        # A retry has the headers that the task was sent with.
        ours = {name: headers[name] for name in _HEADERS if name in headers}
        if not ours:
            inject(ours)
        if ours:
            kwargs["headers"] = _with_ours(headers, ours)
    return send(*args, **kwargs)


def _with_ours(headers: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    if isinstance(headers.get("headers"), dict):
        # Then a retry sends these, else all headers that Celery itself has no use for:
        # https://github.com/celery/celery/issues/4875
        ours = {**ours, "headers": headers["headers"] | ours}
    return headers | ours


def _trace(app: Celery, trace: Callable[..., Any], *args: Any) -> Any:
    return _call_as_sender(app, args[-1], trace, *args)


def _delete_tracer(task: Any) -> None:
    if vars(task).pop("__trace__", None) is None:
        raise AttributeError("__trace__")


def _handler(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def handler(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _call_as_sender(self.app, self.request_dict, original, self, *args, **kwargs)

    return handler


def _call_as_sender(
    app: Celery, message: Mapping[str, Any], call: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    options = _options_of(app)
    if options is None:
        return call(*args, **kwargs)
    visitor = read_visitor(_carrier(message), options)
    return current.call_as(visitor, call, *args, **kwargs)


def _options_of(app: Celery) -> Options | None:
    return _options.get(app, _options.get(None))


def _carrier(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message carries, in the form of today."""
    headers = message.get("headers")  # where protocol 1 has all of them
    nested = headers if isinstance(headers, dict) else {}
    found = {name: message.get(name, nested.get(name)) for name in _HEADERS}
    if found[KEY] is not None or not any(found.values()):
        return found
    fields = {field: found[name] for name, field in _BEFORE.items() if found[name] is not None}
    return {KEY: json.dumps({"version": VERSION, **fields}, default=str, skipkeys=True)}


def _finish(**_: object) -> None:
    """Upload what is queued in a process of the prefork pool, which skips Python's own exit."""
    finish()
