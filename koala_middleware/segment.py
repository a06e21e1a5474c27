"""Make Segment's ``Client`` classes add the current visitor to their calls."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from copy import copy
from types import ModuleType
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child, watch_uwsgi
from koala_middleware.injection import IDENTIFY, TRACK, Method, fill
from koala_middleware.sdk import sdk_is_installed, unwatch_sdk, watch_sdk
from koala_middleware.uploads import keep_dead_uploads, restart_uploads
from koala_middleware.visitor import Visitor, current

# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
_MOST_BYTES = 32 << 10

# Each class with our methods, by their names, and the class's own of that name, if it has one.
instrumented: dict[type, dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]]] = {}

_restart_after_fork = True


def instrument(client_class: type | None = None, *, restart_after_fork: bool | None = None) -> None:
    """Make ``track`` carry the current visitor's profile id. A second call changes nothing.

    Without an argument this is for the Segment SDK, imported already or later; with one, for any
    class whose ``track`` takes what the SDK's takes, such as RudderStack's ``Client``.

    In a forked child the SDK would queue events that nothing sends, so there the first call
    through a client restarts its uploads; ``restart_after_fork=False``, once and before any
    middleware is built, leaves that to you.

    Raises TypeError for a class without such a ``track``.
    """
    global _restart_after_fork
    if restart_after_fork is not None:
        _restart_after_fork = restart_after_fork
    if client_class is not None:
        if not _has(client_class, TRACK):
            expected = f"a class with track(self, {', '.join(TRACK.parameters)}, …)"
            raise TypeError(f"instrument: expected {expected}, got {client_class!r}")
        _instrument_class(client_class)
        return
    watch_uwsgi()
    watch_sdk(_instrument_module)
    if not sdk_is_installed():
        log_once(
            "Segment's SDK is not installed, so no event gets a profile id: "
            "pip install segment-analytics-python"
        )


def uninstrument() -> None:
    """Give each instrumented class its own ``track`` back, and leave SDKs imported later alone."""
    global _restart_after_fork
    _restart_after_fork = True
    unwatch_sdk(_instrument_module)
    keep_dead_uploads()
    while instrumented:
        client_class, methods = instrumented.popitem()
        for name, (ours, own) in methods.items():
            # Where somebody has wrapped ours since, theirs stays and ours only passes calls on.
            if vars(client_class).get(name) is ours:
                if own is None:
                    delattr(client_class, name)
                else:
                    setattr(client_class, name, own)


def _after_fork_in_child() -> None:
    if _restart_after_fork:
        restart_uploads(instrumented)


in_each_child(_after_fork_in_child)


def _instrument_module(module: ModuleType) -> None:
    client_class: Any = getattr(module, "Client", None)
    if _has(client_class, TRACK):
        _instrument_class(client_class)
    elif module.__name__.startswith("segment."):  # else it is a package of the user's own
        log_once(
            "Segment's SDK has no Client.track that we know, so no event gets a profile id: "
            "pip install --upgrade segment-analytics-python"
        )


def _has(client_class: Any, method: Method) -> bool:
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
    ours = [each for methods in instrumented.values() for each, _ in methods.values()]
    for method, wrap in ((TRACK, _wrap_track), (IDENTIFY, _wrap_identify)):
        original = getattr(client_class, method.name, None)
        if original is None or original in ours or not _has(client_class, method):
            continue
        own = vars(client_class).get(method.name)
        wrapper = wrap(client_class, original)
        instrumented.setdefault(client_class, {})[method.name] = wrapper, own
        setattr(client_class, method.name, wrapper)


# The wrappers spell the parameters out: a call outside a request costs little more than the two
# lines it runs here.


def _wrap_track(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    call = _Call(client_class, TRACK, original)

    @functools.wraps(original)
    def track(
        self: Any,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *more: Any,
        **others: Any,
    ) -> Any:
        visitor = current.get()
        arguments = [user_id, event, properties, context, timestamp, anonymous_id, *more]
        if visitor is None or client_class not in instrumented:
            return original(self, *arguments, **others)
        return call(visitor, self, arguments, others)

    return track


def _wrap_identify(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    call = _Call(client_class, IDENTIFY, original)

    @functools.wraps(original)
    def identify(
        self: Any,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *more: Any,
        **others: Any,
    ) -> Any:
        visitor = current.get()
        arguments = [user_id, traits, context, timestamp, anonymous_id, *more]
        if visitor is None or client_class not in instrumented:
            return original(self, *arguments, **others)
        return call(visitor, self, arguments, others)

    return identify


class _Call:
    """Call a method of Segment's with what the visitor adds."""

    def __init__(self, client_class: type, method: Method, original: Callable[..., Any]) -> None:
        self.method = method
        self.original = original
        self.checks_size = _checks_size(client_class)

    def __call__(
        self, visitor: Visitor, client: Any, given: list[Any], others: dict[str, Any]
    ) -> Any:
        arguments = given.copy()
        try:
            filled = fill(visitor, self.method, arguments)
        except Exception as fault:
            log_once("an event goes out without its visitor", fault)
            return self.original(client, *given, **others)
        try:
            if filled and not self.checks_size:
                _check_size(client, self.original, arguments, others)
            return self.original(client, *arguments, **others)
        except RuntimeError as error:
            if not filled or not _is_oversize(error):
                raise
        # It cannot go without an id, though.
        given[self.method.anonymous_id] = arguments[self.method.anonymous_id]
        return self.original(client, *given, **others)


def _is_oversize(error: RuntimeError) -> bool:
    return bool(error.args) and str(error.args[0]).startswith("Message exceeds ")


def _checks_size(client_class: Any) -> bool:
    """Tell whether the SDK raises for an event over 32 KB, as it does since 2.0.

    The older one, and the old module of the newer one's wheel, lose it later, in the thread that
    uploads.
    """
    enqueue = getattr(client_class, "_enqueue", None)
    return enqueue is None or "MAX_MSG_SIZE" in inspect.unwrap(enqueue).__code__.co_names


def _check_size(
    client: Any, original: Callable[..., Any], arguments: list[Any], others: dict[str, Any]
) -> None:
    """Raise what newer SDKs raise if the event would be over 32 KB."""
    unsent = copy(client)
    unsent.send = False
    _, message = original(unsent, *arguments, **others)
    if len(json.dumps(message, default=str).encode()) > _MOST_BYTES:
        raise RuntimeError("Message exceeds 32kb limit")
