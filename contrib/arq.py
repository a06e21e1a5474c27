"""Koala's visitor for arq."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any

from koala_middleware import current
from koala_middleware.carrier import inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks, Instrument
from koala_middleware.options import Options

with needing("arq"):
    from arq import connections, worker


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


_hooks = Hooks(
    # A job is a dict of five keys, of which a worker without us reads only those.
    (connections, "serialize_job", _serialize),
    (worker, "deserialize_job_raw", _deserialize),
    (worker.Worker, "run_job", _run),
)
instrument: Instrument = _hooks.instrument
uninstrument: Callable[[], None] = _hooks.uninstrument
