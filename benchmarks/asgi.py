"""Requests to an ASGI application that does next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks import floor
from benchmarks.inputs import COOKIES, make_scope
from benchmarks.measure import Row
from koala_middleware.asgi import KoalaMiddleware


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Any) -> None:
    pass


async def _page(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Welcome!"})


def run(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that never suspends, without the noise of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("the coroutine waits for something")


def _request(app: Any, scope: dict[str, Any]) -> None:
    # A server never shares a scope either.
    run(app({**scope, "headers": scope["headers"].copy()}, _receive, _send))


def rows(peers: Mapping[str, Callable[[Any], Any]]) -> Iterator[Row]:
    wraps = {"bare": lambda app: app, "floor": floor.ASGIFloor, "us": KoalaMiddleware, **peers}
    for cookies, header in COOKIES.items():
        for name, wrap in wraps.items():
            yield Row(f"ASGI, {cookies}", name, partial(_request, wrap(_page), make_scope(header)))
