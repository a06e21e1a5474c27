"""Requests to an ASGI application that does next to nothing."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

from benchmarks import floor
from benchmarks.inputs import make_scope
from benchmarks.rows import Row, Wrap, rows_of
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


def rows(peers: Mapping[str, Wrap]) -> Iterator[Row]:
    wraps: dict[str, Wrap] = {"floor": floor.ASGIFloor, "us": KoalaMiddleware, **peers}
    yield from rows_of("ASGI", _request, _page, make_scope, wraps)
