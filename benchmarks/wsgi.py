"""Requests to a WSGI application that does next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks import floor
from benchmarks.inputs import COOKIES, make_environ
from benchmarks.measure import Row
from koala_middleware.wsgi import KoalaMiddleware

CHUNKS = 20
_LIST = [b"Welcome!"]


def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    return bytearray().extend


def _page(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return _LIST


def _stream(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return (b"Welcome!" for _ in range(CHUNKS))


def _request(app: Any, environ: dict[str, Any]) -> None:
    body = app(environ.copy(), start_response)  # a server never shares an environ either
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def rows(peers: Mapping[str, Callable[[Any], Any]]) -> Iterator[Row]:
    for body, app, by_hand, others in (
        ("list", _page, floor.WSGIFloor, peers),
        (f"{CHUNKS} chunks", _stream, floor.WSGIBodyFloor, {}),
    ):
        wraps = {"bare": lambda app: app, "floor": by_hand, "us": KoalaMiddleware, **others}
        for cookies, header in COOKIES.items():
            for name, wrap in wraps.items():
                call = partial(_request, wrap(app), make_environ(header))
                yield Row(f"WSGI, {body}, {cookies}", name, call)
