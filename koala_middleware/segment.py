"""Make Segment's ``Client`` classes add the current visitor to their calls."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from copy import copy
from types import ModuleType
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child, watch_uwsgi
from koala_middleware.injection import IDENTIFY, TRACK, Method, fill
from koala_middleware.sdk import sdk_is_installed, unwatch_sdk, watch_sdk
from koala_middleware.uploads import keep_dead_uploads, restart_uploads
from koala_middleware.visitor import get_current

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
    watch_uwsgi()
    if client_class is not None:
        if not _has(client_class, TRACK):
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


# The wrappers spell out what all versions of the SDK take, and pass on no more where there is no
# more: unpacking the arguments would cost a call more than all that is added to it.


def _wrap_track(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    checked = original if _checks_size(client_class) else _checking_size(original)

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
        visitor = get_current()
        send, send_filled = original, checked
        if more or others:
            send, send_filled = _passing(more, others, send), _passing(more, others, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, event, properties, context, timestamp, anonymous_id)
        user_id, values, about, anonymous_id = fill(
            visitor, TRACK, user_id, properties, context, anonymous_id
        )
        try:
            if values is not properties or about is not context:
                return send_filled(self, user_id, event, values, about, timestamp, anonymous_id)
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, event, properties, context, timestamp, anonymous_id)

    return track


def _wrap_identify(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    checked = original if _checks_size(client_class) else _checking_size(original)

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
        visitor = get_current()
        send, send_filled = original, checked
        if more or others:
            send, send_filled = _passing(more, others, send), _passing(more, others, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, traits, context, timestamp, anonymous_id)
        user_id, values, about, anonymous_id = fill(
            visitor, IDENTIFY, user_id, traits, context, anonymous_id
        )
        try:
            if values is not traits or about is not context:
                return send_filled(self, user_id, values, about, timestamp, anonymous_id)
        except RuntimeError as error:
            if not _is_oversize(error):
                raise
        return send(self, user_id, traits, context, timestamp, anonymous_id)

    return identify


def _passing(
    more: tuple[Any, ...], others: dict[str, Any], send: Callable[..., Any]
) -> Callable[..., Any]:
    """Pass on also what only some versions of the SDK take."""
    return lambda *shared: send(*shared, *more, **others)


def _is_oversize(error: RuntimeError) -> bool:
    return bool(error.args) and str(error.args[0]).startswith("Message exceeds ")


def _checks_size(client_class: Any) -> bool:
    """Tell whether the SDK raises for an event over 32 KB, as it does since 2.0.

    The older one, and the old module of the newer one's wheel, lose it later, in the thread that
    uploads.
    """
    enqueue = getattr(client_class, "_enqueue", None)
    return enqueue is None or "MAX_MSG_SIZE" in inspect.unwrap(enqueue).__code__.co_names


def _checking_size(original: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method raise what newer SDKs raise if the event would be over 32 KB."""
    import json  # here, because newer SDKs need none of this

    def checked(client: Any, *args: Any, **kwargs: Any) -> Any:
        unsent = copy(client)
        unsent.send = False
        result = original(unsent, *args, **kwargs)
        # Of a user's own method, what it returns says nothing of the size.
        message = result[-1] if isinstance(result, tuple) else None
        if len(json.dumps(message, default=str).encode()) > _MOST_BYTES:
            raise RuntimeError("Message exceeds 32kb limit")
        return original(client, *args, **kwargs)

    return checked
