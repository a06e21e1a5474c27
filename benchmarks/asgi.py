"""ASGI: the bare middleware, and Starlette's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from benchmarks import floor, peers
from benchmarks.inputs import COOKIES, make_scope
from benchmarks.measure import Row
from koala_middleware.asgi import KoalaMiddleware
from koala_middleware.contrib.starlette import KoalaMiddleware as StarletteMiddleware

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_CHUNKS = 10
_START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Any) -> None:
    pass


async def _plain_app(scope: Any, receive: Any, send: Any) -> None:
    await send({**_START, "headers": []})
    await send({"type": "http.response.body", "body": b"Welcome!"})


async def _streaming_app(scope: Any, receive: Any, send: Any) -> None:
    await send({**_START, "headers": []})
    for _ in range(_CHUNKS):
        await send({"type": "http.response.body", "body": b"Welcome!", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def run(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that waits for nothing, without the noise of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("the coroutine waits for something")


def _request(app: Any, scope: dict[str, Any]) -> None:
    # As a server does: no two requests share a scope.
    run(app({**scope, "headers": scope["headers"].copy()}, _receive, _send))


def rows() -> Iterator[Row]:
    for kind, app in (("plain", _plain_app), ("streamed", _streaming_app)):
        yield from _with_cookies(f"ASGI, {kind}", app, KoalaMiddleware, peers.ASGI)


def starlette_rows() -> Iterator[Row]:
    yield from _with_cookies("Starlette", _plain_app, StarletteMiddleware, {})


def _with_cookies(
    group: str, app: ASGIApp, ours: Callable[[Any], ASGIApp], others: dict[str, peers.Wrap]
) -> Iterator[Row]:
    wrapped = {
        "bare": app,
        "nothing": floor.asgi_nothing(app),
        "floor": floor.ASGIFloor(app),
        "us": ours(app),
        **{name: wrap(app) for name, wrap in others.items()},
    }
    for case, cookies in COOKIES.items():
        scope = make_scope(cookies)
        for name, each in wrapped.items():
            yield Row(group, case, name, partial(_request, each, scope))
