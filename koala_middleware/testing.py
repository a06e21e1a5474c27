"""Collect what Segment's clients would send, and send nothing."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from threading import Lock
from types import ModuleType
from typing import Any
from unittest.mock import patch

from koala_middleware.sdk import unwatch_sdk, watch_sdk
from koala_middleware.segment import instrumented

_lock = Lock()
_captures: list[list[dict[str, Any]]] = []
_patches = ExitStack()
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
        if not _captures:
            watch_sdk(_patch_module)
            for client_class in instrumented:
                if hasattr(client_class, "_enqueue"):
                    _patch_class(client_class)
        _captures.append(events)
    try:
        yield events
    finally:
        with _lock:
            # By identity: two empty lists are equal.
            _captures[:] = [capture for capture in _captures if capture is not events]
            if not _captures:
                unwatch_sdk(_patch_module)
                _patches.close()
                _keyless_clients.clear()


def _patch_module(module: ModuleType) -> None:
    client_class = getattr(module, "Client", None)
    if hasattr(client_class, "_enqueue"):
        _patch_class(client_class)
        _patches.callback(_forget_default_client, module.__name__.rpartition(".")[0])


def _patch_class(client_class: Any) -> None:
    if getattr(client_class._enqueue, "captures", False):
        return
    _patches.enter_context(
        patch.object(client_class, "_enqueue", _capturing(client_class._enqueue))
    )
    init = client_class.__init__
    if "write_key" in inspect.signature(init).parameters:
        _patches.enter_context(patch.object(client_class, "__init__", _needing_no_key(init)))


def _capturing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def enqueue(self: Any, message: dict[str, Any]) -> Any:
        unsent = copy(self)
        unsent.send = False
        result = original(unsent, message)
        wire_form = json.dumps(result[1], default=lambda date: date.isoformat())
        for events in _captures:
            events.append(json.loads(wire_form))
        return result

    enqueue.captures = True  # type: ignore[attr-defined]
    return enqueue


def _needing_no_key(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, write_key: Any = None, *args: Any, **kwargs: Any) -> None:
        if write_key is None:
            write_key = "capture_events"
            kwargs["send"] = False  # starts no thread
            _keyless_clients.append(self)
        original(self, write_key, *args, **kwargs)

    return init


def _forget_default_client(package_name: str) -> None:
    package: Any = sys.modules[package_name]
    if any(package.default_client is client for client in _keyless_clients):
        package.default_client = None
