"""The small script whose instructions are counted: so many calls of one row, and no more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import koala_middleware as koala
from benchmarks import floor
from benchmarks.inputs import COOKIES, PROFILE_ID, make_environ, make_scope
from koala_middleware.asgi import KoalaMiddleware as ASGIMiddleware
from koala_middleware.wsgi import KoalaMiddleware as WSGIMiddleware

_LIST = [b"Welcome!"]
_WITH_ID = {"plan": "team", "profile_id": PROFILE_ID}


def _page(environ: Any, start_response: Any) -> list[bytes]:
    return _LIST


def _stream(environ: Any, start_response: Any) -> Iterator[bytes]:
    return (b"Welcome!" for _ in range(20))


async def _asgi_page(scope: Any, receive: Any, send: Any) -> None:
    pass


def _wsgi(app: Any, environ: dict[str, Any]) -> None:
    for _ in app(environ.copy(), None):
        pass


def _asgi(app: Any, scope: dict[str, Any]) -> None:
    with suppress(StopIteration):
        app({**scope}, None, None).send(None)


def track_calls() -> dict[str, Callable[[], object]]:
    from segment.analytics.client import Client

    client = Client("key", send=False)
    bare = partial(Client.track, client, "user-1", "Signed Up", _WITH_ID)
    koala.instrument()
    ours = partial(Client.track, client, "user-1", "Signed Up", {"plan": "team"})
    return {"track | bare": bare, "track | us": ours}


def request_calls() -> dict[str, Callable[[], object]]:
    cases: dict[str, Callable[[], object]] = {}
    for name, wrap in (
        ("bare", lambda app: app),
        ("floor", floor.WSGIFloor),
        ("us", WSGIMiddleware),
    ):
        for cookies in ("none", "small"):
            environ = make_environ(COOKIES[cookies])
            cases[f"WSGI, {cookies} | {name}"] = partial(_wsgi, wrap(_page), environ)
        wrap_body = floor.WSGIBodyFloor if name == "floor" else wrap
        cases[f"WSGI, 20 chunks | {name}"] = partial(_wsgi, wrap_body(_stream), environ)
    for name, wrap_asgi in (
        ("bare", lambda app: app),
        ("floor", floor.ASGIFloor),
        ("us", ASGIMiddleware),
    ):
        cases[f"ASGI, small | {name}"] = partial(
            _asgi, wrap_asgi(_asgi_page), make_scope(COOKIES["small"])
        )
    return cases


def main(name: str, count: int) -> None:
    call = (track_calls if name.startswith("track") else request_calls)()[name]
    with koala.profile(PROFILE_ID):
        for _ in range(count):
            call()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
