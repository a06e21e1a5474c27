"""The memory of live requests, and that it comes back: ``python -m benchmarks.memory``."""

from __future__ import annotations

import argparse
import gc
import sys
import tracemalloc
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import koala_middleware as koala
from benchmarks import floor
from benchmarks.inputs import COOKIES, make_environ
from benchmarks.results import MEASURED
from benchmarks.wsgi import start_response as _start_response
from koala_middleware.wsgi import KoalaMiddleware

_OPEN = 10_000
_ENVIRON = make_environ(COOKIES["small"])


def _stream(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"Welcome!"
    koala.get_profile_id()
    yield b"Good bye!"


def _page(environ: Any, start_response: Any) -> list[bytes]:
    koala.get_profile_id()
    return [b"Welcome!"]


def _failing(environ: Any, start_response: Any) -> list[bytes]:
    raise LookupError


def _open(app: Callable[..., Iterable[bytes]]) -> object:
    """Return what a server holds while it sends a body: the environ and the iterator."""
    environ = _ENVIRON.copy()
    body = app(environ, _start_response)
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


def growth(requests: int) -> list[int]:
    """Return the memory blocks in use, at ten moments of so many requests of four kinds."""
    page, stream, failing = map(KoalaMiddleware, (_page, _stream, _failing))
    blocks = array("q")  # which needs no more memory for each number
    for number in range(requests):
        environ = _ENVIRON.copy()
        match number % 4:
            case 0:
                page(environ, _start_response)
            case 1:
                for _ in stream(environ, _start_response):
                    pass
            case 2:
                next(iter(stream(environ, _start_response)))  # abandoned, and never closed
            case 3:
                with suppress(LookupError):
                    failing(environ, _start_response)
        if (number + 1) % (requests // 10) == 0:
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    return list(blocks)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--document", action="store_true", help="write the sentence of the docs")
    arguments = parser.parse_args()
    bare = live_bytes(_stream)
    floor_bytes = live_bytes(floor.WSGIBodyFloor(_stream)) - bare
    our_bytes = live_bytes(KoalaMiddleware(_stream)) - bare
    requests = arguments.requests
    blocks = growth(requests)
    sentence = (
        f"A WSGI request whose body is being sent holds {our_bytes:,.0f} bytes more with the\n"
        f"middleware than without it, and {floor_bytes:,.0f} more with the floor. Between request\n"
        f"{requests // 5:,} and request {requests:,} the memory blocks in use went from\n"
        f"{blocks[1]:,} to {blocks[-1]:,}.\n"
    )
    print(sentence, end="")
    if arguments.document:
        (MEASURED / "memory.rst").write_text(sentence)


if __name__ == "__main__":
    main()
