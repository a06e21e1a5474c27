"""The memory of live requests, and that it comes back: ``python -m benchmarks.memory``."""

from __future__ import annotations

import argparse
import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import koala_middleware as koala
from benchmarks import floor
from benchmarks.inputs import COOKIES, make_environ
from benchmarks.wsgi import page, start_response, stream
from koala_middleware.wsgi import KoalaMiddleware

_OPEN = 10_000
_ENVIRON = make_environ(COOKIES["small"])


def _failing(environ: Any, start_response: Any) -> list[bytes]:
    koala.get_profile_id()
    raise LookupError


def _open(app: Callable[..., Iterable[bytes]]) -> object:
    """Return what a server holds while it sends a body: the environ and the iterator."""
    environ = _ENVIRON.copy()
    body = app(environ, start_response)
    steps = iter(body)
    next(steps)
    return environ, body, steps


def live_bytes(app: Callable[..., Iterable[bytes]]) -> float:
    """Return the bytes of a request whose body is being sent."""
    _open(app)
    gc.collect()
    tracemalloc.start()
    held = [_open(app) for _ in range(_OPEN)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(held)


def blocks_after(requests: int) -> int:
    """Return the memory blocks in use after so many requests of each of four kinds."""
    listed, streamed, failing = map(KoalaMiddleware, (page, stream, _failing))
    for _ in range(requests):
        listed(_ENVIRON.copy(), start_response)
        for _ in streamed(_ENVIRON.copy(), start_response):
            pass
        next(iter(streamed(_ENVIRON.copy(), start_response)))  # abandoned, and never closed
        with suppress(LookupError):
            failing(_ENVIRON.copy(), start_response)
    gc.collect()
    return sys.getallocatedblocks()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    arguments = parser.parse_args()
    bare = live_bytes(stream)
    floor_bytes = live_bytes(floor.WSGIBodyFloor(stream)) - bare
    our_bytes = live_bytes(KoalaMiddleware(stream)) - bare
    early, late = arguments.requests // 5, arguments.requests
    before, after = blocks_after(early // 4), blocks_after((late - early) // 4)
    print(
        f"A WSGI request whose body is being sent holds {our_bytes:,.0f} bytes more with the\n"
        f"middleware than without it, and {floor_bytes:,.0f} more with the floor. Between request\n"
        f"{early:,} and request {late:,} the memory blocks in use went from\n"
        f"{before:,} to {after:,}."
    )


if __name__ == "__main__":
    main()
