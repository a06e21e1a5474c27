"""Koala's visitor for arq."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from koala_middleware import current
from koala_middleware.carrier import inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks
from koala_middleware.options import OptionKeywords, Options

with needing("arq"):
    from arq import connections, worker

if TYPE_CHECKING:
    from typing_extensions import Unpack

_hooks = Hooks()


def instrument(**options: Unpack[OptionKeywords]) -> None:
    """Let each job run as the visitor who was current where it was enqueued.

    Call this where jobs are enqueued and where they run. Segment's calls are instrumented, too.

    :param options: those of :class:`koala_middleware.Options`, of which a job needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for an unknown or wrong option.
    """
    _hooks.instrument(options, _wrap)


def uninstrument() -> None:
    """Undo :func:`instrument`; Segment's calls stay instrumented."""
    _hooks.uninstrument()


def _wrap() -> None:
    # A job is a dict of five keys, of which a worker without us reads only those.
    _hooks.wrap(connections, "serialize_job", _serialize)
    _hooks.wrap(worker, "deserialize_job_raw", _deserialize)
    _hooks.wrap(worker.Worker, "run_job", _run)


def _serialize(
    options: Options,
    serialize_job: Callable[..., bytes],
    *args: Any,
    serializer: Callable[[Any], bytes] | None = None,
) -> bytes:
    carrier: dict[str, str] = {}
    inject(carrier)
    dump = serializer or pickle.dumps
    return serialize_job(*args, serializer=lambda job: dump({**job, **carrier}))


def _deserialize(
    options: Options,
    deserialize_job_raw: Callable[..., Any],
    *args: Any,
    deserializer: Callable[[bytes], Any] | None = None,
) -> Any:
    def load(data: bytes) -> Any:
        job = (deserializer or pickle.loads)(data)
        # For the rest of run_job(), after which _run() restores who was current.
        current.variable.set(read_visitor(job, options))
        return job

    return deserialize_job_raw(*args, deserializer=load)


def _run(options: Options, run_job: Callable[..., Awaitable[None]], *args: Any) -> Awaitable[None]:
    return current.await_as(None, run_job, *args)
