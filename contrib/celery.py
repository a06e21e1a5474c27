"""Koala's visitor for Celery."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from celery import Celery, Task, signals
from celery.app.amqp import AMQP
from celery.worker.request import Request

from koala_middleware import current, segment
from koala_middleware.callables import ask
from koala_middleware.explanation import note_way_in
from koala_middleware.faults import log_once
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.patching import Patches
from koala_middleware.segment.exits import finish
from koala_middleware.visitor import GivenVisitor, Visitor

if TYPE_CHECKING:
    from typing_extensions import Unpack

HEADERS = ("koala_profile_id", "koala_anonymous_id")
PROPERTIES = "koala_properties"  # what koala_middleware.bind() has bound, as far as it is JSON
_MOST_PROPERTIES = 8192  # characters

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
    app_options = options_from_keywords(options)
    note_way_in(app_options)
    segment.instrument(flush_seconds=app_options.flush_seconds, threads=app_options.threads)
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
    send = property(lambda amqp: partial(_send, amqp.app, get(amqp, AMQP)), *others)
    yield AMQP, "send_task_message", send
    # What runs a message's task, its handlers and callbacks. An eager task has one of its own.
    yield Task, "__trace__", property(_tracer, lambda t, tracer: vars(t).update(__trace__=tracer))
    # What the worker does itself for a task whose process it has killed or lost, or never starts.
    for name in ("on_failure", "on_timeout", "revoked", "terminate"):
        yield Request, name, _handler(vars(Request)[name])


def _send(app: Celery, send: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    visitor = current.variable.get()
    if (visitor or (visitor is not None and visitor.bound)) and _options_of(app):
        kwargs["headers"] = _with_visitor(dict(kwargs.get("headers") or {}), visitor)
    return send(*args, **kwargs)


def _with_visitor(headers: dict[str, Any], visitor: Visitor) -> dict[str, Any]:
    ids = (visitor.profile_id, visitor.anonymous_id)
    current_headers: dict[str, Any] = {
        **dict(zip(HEADERS, ids, strict=True)),
        PROPERTIES: visitor.bound,
    }
    # A retry has the headers that the task was sent with.
    source = headers if headers.keys() & current_headers else current_headers
    sent: dict[str, Any] = {name: source[name] for name in HEADERS if _is_id(source.get(name))}
    properties = _json_properties(source.get(PROPERTIES))
    if properties:
        sent[PROPERTIES] = properties
    if isinstance(headers.get("headers"), dict):
        # Then a retry sends these, else all headers that Celery itself has no use for:
        # https://github.com/celery/celery/issues/4875
        sent["headers"] = headers["headers"] | sent
    return headers | sent


def _tracer(task: Any) -> Callable[..., Any] | None:
    tracer = vars(task).get("__trace__")
    return tracer and (lambda *args: _call_as_sender(task.app, args[-1], tracer, *args))


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
    profile_id, anonymous_id = map(partial(_arrived_id, message), HEADERS, (options.parse, str))
    visitor = GivenVisitor(profile_id, anonymous_id, None, options)
    visitor.bound = _json_properties(_arrived(message, PROPERTIES))
    return current.call_as(visitor, call, *args, **kwargs)


def _options_of(app: Celery) -> Options | None:
    return _options.get(app, _options.get(None))


def _arrived(message: Mapping[str, Any], name: str) -> Any:
    headers = message.get("headers")  # where protocol 1 has all of them
    return message.get(name, headers.get(name) if isinstance(headers, dict) else None)


def _arrived_id(
    message: Mapping[str, Any], name: str, parse: Callable[[str], object]
) -> str | None:
    """Return an id, which may be from anybody who can write to the broker."""
    value = _arrived(message, name)
    parsed, fault = "", None
    try:
        parsed = str(ask(partial(parse, value)) or "") if _is_id(value) else ""
    except Exception as raised:
        fault = raised
    if value is not None and not _is_id(parsed):
        log_once(f"a task's {name} was refused: does instrument() know your option parse?", fault)
    return parsed if _is_id(parsed) else None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _json_properties(properties: object) -> dict[str, Any]:
    """Return the properties that JSON can represent, or none if they are too large."""
    if not isinstance(properties, Mapping):
        return {}
    valid = {name: value for name, value in properties.items() if _is_json({name: value})}
    return valid if len(json.dumps(valid)) <= _MOST_PROPERTIES else {}


def _is_json(value: object) -> bool:
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _finish(**_: object) -> None:
    """Upload what is queued in a process of the prefork pool, which skips Python's own exit."""
    finish()
