"""Requests to a WSGI application that does next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks import floor
from benchmarks.inputs import ALL_OPTIONS, make_environ
from benchmarks.rows import Row, Wrap, rows_of
from koala_middleware.wsgi import KoalaMiddleware

CHUNKS = 20
_LIST = [b"Welcome!"]


def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    return bytearray().extend


def page(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return _LIST


def stream(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return (b"Welcome!" for _ in range(CHUNKS))


def _request(app: Any, environ: dict[str, Any]) -> None:
    body = app(environ.copy(), start_response)  # a server never shares an environ either
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def rows(peers: Mapping[str, Wrap]) -> Iterator[Row]:
    all_on = partial(KoalaMiddleware, **vars(ALL_OPTIONS))
    ours: dict[str, Wrap] = {"us": KoalaMiddleware, "us, all options on": all_on}
    wraps = {"floor": floor.WSGIFloor, **ours, **peers}
    yield from rows_of("WSGI, list", _request, page, make_environ, wraps)
    wraps = {"floor": floor.WSGIBodyFloor, "us": KoalaMiddleware}
    yield from rows_of(f"WSGI, {CHUNKS} chunks", _request, stream, make_environ, wraps)
