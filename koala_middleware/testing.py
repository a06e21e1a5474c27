"""Collect what Segment's clients would send instead of sending it, and check it."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from types import ModuleType
from typing import Any

from koala_middleware.causes import DETAILS, Cause, remedy_of
from koala_middleware.forks import Lock
from koala_middleware.patching import Patches
from koala_middleware.segment.instrumentation import each_class
from koala_middleware.segment.sdk import CLIENT_MODULES, unwatch_sdk, watch_sdk
from koala_middleware.segment.wrappers import instrumented

_lock = Lock()
_captures: list[list[dict[str, Any]]] = []
_patches = Patches()
_keyless_clients: list[object] = []


@contextmanager
def capture_events() -> Iterator[list[dict[str, Any]]]:
    """Collect the messages that Segment's clients would send, and send none of them.

    Yields a list of dicts in the form Segment's HTTP API takes, with all that the middleware
    adds. It grows with each call from any thread; no write key is needed. Captures nest: an event
    goes to each that is open.
    """
    events: list[dict[str, Any]] = []
    with _lock:
        _captures.append(events)
        if len(_captures) == 1:
            watch_sdk(_patch_module)
            each_class.append(_patch_class)
            for client_class in list(instrumented):
                _patch_class(client_class)
    try:
        yield events
    finally:
        with _lock:
            # By identity: two empty lists are equal.
            _captures[:] = [capture for capture in _captures if capture is not events]
            if not _captures:
                unwatch_sdk(_patch_module)
                each_class.remove(_patch_class)
                _patches.undo()
                _forget_keyless_clients()


def assert_reaches_koala(event: Mapping[str, Any]) -> None:
    """Fail, with the cause and what to do, if Segment's Koala destination would drop an event.

    The cause is known of an event from pytest's fixture ``koala_events``, and with the option
    ``explain`` or the environment's ``KOALA_EXPLAIN=1``.

    Raises AssertionError.
    """
    from koala_middleware.inspector import Dropped, koala_request  # here: few tests need it

    outcome = koala_request(event)
    if isinstance(outcome, Dropped):
        name = event.get("event") or event.get("type")
        raise AssertionError(
            f"Koala drops {name!r}: {outcome.reason}\n{_remedy(event, outcome.hint)}"
        )


def _remedy(event: Mapping[str, Any], hint: str) -> str:
    said = (event.get("context") or {}).get("koala")
    if event.get("type") not in ("track", "identify"):
        return hint
    if not (isinstance(said, Mapping) and said.get("cause") in DETAILS):
        return f"{hint}\ncause unknown: use the fixture koala_events, or set KOALA_EXPLAIN=1"
    cause = Cause(said["cause"])
    return f"cause: {cause}, at {said.get('call')}\n{remedy_of(cause)}"


def _patch_module(module: ModuleType) -> None:
    _patch_class(getattr(module, "Client", None))


def _patch_class(client_class: Any) -> None:
    if not hasattr(client_class, "_enqueue"):
        return
    _patches.wrap(client_class, "_enqueue", _capturing)
    if "write_key" in inspect.signature(client_class.__init__).parameters:
        _patches.wrap(client_class, "__init__", _needing_no_key)


def _capturing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def enqueue(self: Any, message: dict[str, Any]) -> Any:
        # A copy of ours: a subclass has called the _enqueue of its base.
        if not _captures or hasattr(self, "_koala_captures"):
            return original(self, message)
        unsent = copy(self)
        unsent.send = False
        unsent._koala_captures = True
        result = original(unsent, message)
        queued = result[-1] if isinstance(result, tuple) else message
        wire_form = json.dumps(queued, default=lambda date: date.isoformat())
        for events in tuple(_captures):
            events.append(json.loads(wire_form))
        return result

    return enqueue


def _needing_no_key(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, write_key: Any = None, *args: Any, **kwargs: Any) -> None:
        if write_key is None and _captures:
            write_key = "capture_events"
            kwargs["send"] = False  # starts no thread
            _keyless_clients.append(self)
        original(self, write_key, *args, **kwargs)

    return init


def _forget_keyless_clients() -> None:
    """Let the SDK's module functions make a client anew, which then needs its key."""
    for name in CLIENT_MODULES:
        package: Any = sys.modules.get(name.rpartition(".")[0])
        default_client = getattr(package, "default_client", None)
        if any(default_client is client for client in _keyless_clients):
            package.default_client = None
    _keyless_clients.clear()
