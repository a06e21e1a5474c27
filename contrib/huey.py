"""Koala's visitor for Huey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from koala_middleware import current
from koala_middleware.carrier import KEY, inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks, Instrument
from koala_middleware.options import Options

with needing("huey"):
    from huey.api import Huey
    from huey.registry import Message, Registry
    from huey.serializer import Serializer

_MARK = f"\n{KEY}=".encode()


class _StampedMessage(Message):  # type: ignore[misc]  # Huey has no types
    """A message that came with a visitor."""

    visitor: str


def _serialize_task(
    options: Options, serialize_task: Callable[..., bytes], huey: Any, task: Any
) -> bytes:
    """Serialize a task as its visitor; the scheduler, who is nobody, passes on the sender's."""
    visitor = current.variable.get()
    if visitor is None:
        visitor = read_visitor(vars(task), options)
    return current.call_as(visitor, serialize_task, huey, task)


def _serialize(
    options: Options, serialize: Callable[..., bytes], serializer: Any, data: Any
) -> bytes:
    """Write the visitor behind a pickled message.

    A worker without us does not see it: "Bytes past the pickled representation of the object are
    ignored", says https://docs.python.org/3/library/pickle.html#pickle.loads
    """
    carrier: dict[str, str] = {}
    if isinstance(data, Message):
        inject(carrier)
    pickled = serialize(serializer, data)
    return pickled + _MARK + carrier[KEY].encode() if carrier else pickled


def _deserialize(
    options: Options, deserialize: Callable[..., Any], serializer: Any, data: bytes
) -> Any:
    message = deserialize(serializer, data)
    _, mark, visitor = data.rpartition(_MARK)
    if mark and isinstance(message, Message):
        message = _StampedMessage(*message)
        message.visitor = visitor.decode(errors="replace")
    return message


def _create_task(
    options: Options, create_task: Callable[..., Any], registry: Any, message: Any
) -> Any:
    task = create_task(registry, message)
    if isinstance(message, _StampedMessage):
        vars(task)[KEY] = message.visitor
    return task


def _execute(
    options: Options, execute: Callable[..., Any], huey: Any, task: Any, *args: Any, **kwargs: Any
) -> Any:
    if huey.immediate:  # it runs where it was sent
        return execute(huey, task, *args, **kwargs)
    visitor = read_visitor(vars(task), options)
    return current.call_as(visitor, execute, huey, task, *args, **kwargs)


_hooks = Hooks(
    (Huey, "serialize_task", _serialize_task),
    (Serializer, "_serialize", _serialize),
    (Serializer, "_deserialize", _deserialize),
    (Registry, "create_task", _create_task),
    (Huey, "execute", _execute),
)
instrument: Instrument = _hooks.instrument
uninstrument: Callable[[], None] = _hooks.uninstrument
