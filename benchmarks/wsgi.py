"""WSGI: the bare middleware, and Flask's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from flask import Flask

import koala_middleware as koala
from benchmarks import floor, peers
from benchmarks.inputs import COOKIES, cookies_of_size, make_environ
from benchmarks.measure import Row
from koala_middleware.contrib.flask import KoalaMiddleware as FlaskMiddleware
from koala_middleware.wsgi import KoalaMiddleware

WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

HEADER_SIZE = "Header size"
SIZES = (0, 100, 500, 1000, 2000, 4000, 8000)
CHUNKS = 1000
_LIST = [b"Welcome!"]


def _start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    return bytearray().extend


def _list_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return _LIST


def _chunks_app(count: int, environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    return (b"Welcome!" for _ in range(count))


BODIES: dict[str, WSGIApp] = {
    "list": _list_app,
    "one chunk": partial(_chunks_app, 1),
    "1,000 chunks": partial(_chunks_app, CHUNKS),
}


def _request(app: WSGIApp, environ: dict[str, Any]) -> None:
    body = app(environ.copy(), _start_response)  # as a server does: no two requests share one
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def rows() -> Iterator[Row]:
    for body, app in BODIES.items():
        wrapped: dict[str, WSGIApp] = {
            "bare": app,
            "nothing": floor.wsgi_nothing(app),
            "floor": (floor.WSGIFloor if body == "list" else floor.WSGIBodyFloor)(app),
            "us": KoalaMiddleware(app),
            **{name: wrap(app) for name, wrap in peers.WSGI.items()},
        }
        yield from _with_cookies(f"WSGI, {body}", wrapped)


def flask_rows() -> Iterator[Row]:
    """Yield ours over a bare application, and PostHog's, which must have a Flask, over that."""
    wrapped: dict[str, WSGIApp] = {
        "bare": _list_app,
        "floor": floor.WSGIFloor(_list_app),
        "us": FlaskMiddleware(_list_app),
        "bare Flask": _flask().wsgi_app,
        peers.POSTHOG: peers.flask_posthog(_flask()).wsgi_app,
    }
    yield from _with_cookies("Flask", wrapped, {peers.POSTHOG: "bare Flask"})


def header_rows() -> Iterator[Row]:
    """Yield requests with headers of several sizes; some ask who sent them."""
    wrapped: dict[str, WSGIApp] = {
        "bare": _list_app,
        "floor": floor.WSGIFloor(_list_app),
        "us": KoalaMiddleware(_list_app),
        "us, asked": KoalaMiddleware(_asking_app),
    }
    for size in SIZES:
        environ = make_environ(cookies_of_size(size))
        for name, app in wrapped.items():
            yield Row(HEADER_SIZE, "bytes", f"{name}, {size}", partial(_request, app, environ))


def _asking_app(environ: Any, start_response: Any) -> list[bytes]:
    koala.get_profile_id()
    return _list_app(environ, start_response)


def _flask() -> Flask:
    app = Flask("benchmark")
    app.add_url_rule("/sign-up", view_func=lambda: "Welcome!")
    return app


def _with_cookies(
    group: str, apps: dict[str, WSGIApp], bases: dict[str, str] | None = None
) -> Iterator[Row]:
    for case, cookies in COOKIES.items():
        environ = make_environ(cookies)
        for name, app in apps.items():
            base = (bases or {}).get(name, "bare")
            yield Row(group, case, name, partial(_request, app, environ), base)
