"""Make Segment's ``Client`` classes add the current visitor to their calls."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from types import ModuleType
from typing import Any

from koala_middleware.faults import log_once
from koala_middleware.forks import keep_dead_uploads, restart_uploads
from koala_middleware.sdk import sdk_is_installed, unwatch_sdk, watch_sdk
from koala_middleware.visitor import Visitor, current

# The start of track's signature, the same in every version of the SDK and in those made after it.
_PARAMETERS = ["user_id", "event", "properties", "context", "timestamp", "anonymous_id"]
_POSITIONS = {name: position for position, name in enumerate(_PARAMETERS)}
_NO_ID = (None, "", 0)  # with two of these the SDK raises AssertionError
_MOST_BYTES = (
    32 << 10
)  # https://segment.com/docs/connections/sources/catalog/libraries/server/python/

# Each class with our track and, where the class had one of its own, that.
instrumented: dict[type, tuple[Callable[..., Any], Callable[..., Any] | None]] = {}

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
        if not _can_track(client_class):
            expected = f"a class with track(self, {', '.join(_PARAMETERS)}, …)"
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
        client_class, (track, own_track) = instrumented.popitem()
        # Where somebody has wrapped ours since, theirs stays and ours only passes calls on.
        if vars(client_class).get("track") is track:
            if own_track is None:
                del client_class.track  # type: ignore[attr-defined]
            else:
                client_class.track = own_track  # type: ignore[attr-defined]


def _after_fork_in_child() -> None:
    if _restart_after_fork:
        restart_uploads(instrumented)


if hasattr(os, "register_at_fork"):  # pragma: no branch (all but Windows)
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _instrument_module(module: ModuleType) -> None:
    client_class = getattr(module, "Client", None)
    if _can_track(client_class):
        _instrument_class(client_class)
    elif module.__name__.startswith("segment."):  # else it is a package of the user's own
        log_once(
            "Segment's SDK has no Client.track that we know, so no event gets a profile id: "
            "pip install --upgrade segment-analytics-python"
        )


def _can_track(client_class: Any) -> bool:
    try:
        parameters = list(inspect.signature(client_class.track).parameters)
    except (AttributeError, TypeError, ValueError):
        return False
    return isinstance(client_class, type) and parameters[1:7] == _PARAMETERS


def _instrument_class(client_class: Any) -> None:
    original = client_class.track
    if any(original is track for track, _ in instrumented.values()):
        return
    track = _adding_visitor(client_class, original)
    instrumented[client_class] = track, vars(client_class).get("track")
    client_class.track = track


def _adding_visitor(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    checks_size = _checks_size(client_class)

    @functools.wraps(original)
    def track(self: Any, *args: Any, **kwargs: Any) -> Any:
        visitor = current.get()
        if visitor is None or client_class not in instrumented:
            return original(self, *args, **kwargs)
        try:
            additions = _additions(visitor, args, kwargs)
            positional, keywords = _with(additions, args, kwargs)
        except Exception as fault:
            log_once("an event goes out without its visitor", fault)
            return original(self, *args, **kwargs)
        try:
            if not checks_size and "properties" in additions:
                _check_size(self, original, positional, keywords)
            return original(self, *positional, **keywords)
        except RuntimeError as error:
            if "properties" not in additions or not _is_oversize(error):
                raise
        del additions["properties"]
        positional, keywords = _with(additions, args, kwargs)
        return original(self, *positional, **keywords)

    return track


def _additions(visitor: Visitor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of track that the visitor adds or replaces, by their names."""

    def argument(name: str) -> Any:
        position = _POSITIONS[name]
        return args[position] if position < len(args) else kwargs.get(name)

    additions: dict[str, Any] = {}
    profile_id = visitor.profile_id
    if profile_id is not None:
        name = visitor.options.property_name
        properties = argument("properties") or {}  # as the SDK does
        if isinstance(properties, dict) and name not in properties:
            additions["properties"] = {**properties, name: profile_id}
    if argument("user_id") in _NO_ID and argument("anonymous_id") in _NO_ID:
        anonymous_id = visitor.anonymous_id or profile_id
        if anonymous_id is not None:
            additions["anonymous_id"] = anonymous_id
    return additions


def _with(
    additions: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments with the additions in the place, or of the kind, the caller chose."""
    positional, keywords = list(args), dict(kwargs)
    for name, value in additions.items():
        position = _POSITIONS[name]
        if position < len(positional):
            positional[position] = value
        else:
            keywords[name] = value
    return positional, keywords


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
    client: Any, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise what newer SDKs raise if the event would be over 32 KB."""
    unsent = copy(client)
    unsent.send = False
    _, message = original(unsent, *args, **kwargs)
    if len(json.dumps(message, default=str).encode()) > _MOST_BYTES:
        raise RuntimeError("Message exceeds 32kb limit")
