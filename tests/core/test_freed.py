"""What is left of a request, and when it goes."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
from koala_middleware import Mint, current
from koala_middleware.asgi import KoalaMiddleware as ASGIMiddleware
from koala_middleware.contrib.starlette import KoalaMiddleware as StarletteMiddleware
from koala_middleware.visitor import Visitor
from koala_middleware.wsgi import KoalaMiddleware
from tests.adapters import Site
from tests.serving import environ_of
from tests.sites import wsgi
from tests.visitors import ALICE, BOB, start_response

OPTIONS = {"context": True, "email": lambda request: "a@b.c", "mint": Mint(when=bool)}


collected_as_nobody = pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="before 3.12 no callback of the garbage collector may set a variable",
)


def test_context_survives_the_collector() -> None:
    """Before 3.12 the collector runs inside ContextVar.set(), where no callback may set another."""
    others: list[ContextVar[int]] = [ContextVar(f"other_{number}") for number in range(200)]
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for turn in range(100):
            token = current.variable.set(Visitor(ALICE))
            for other in others:
                other.set(turn)
            seen = {other.get(None) for other in others}, koala.get_profile_id()
            current.variable.reset(token)
            assert seen == ({turn}, ALICE)
    finally:
        gc.set_threshold(*thresholds)


class Upload:
    """Something large in an environ."""


@pytest.mark.usefixtures("no_collector", "events")
@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "options"])
@pytest.mark.parametrize("fails", [False, True])
def test_environ_is_freed_with_its_request(options: Any, fails: bool) -> None:
    def view() -> None:
        analytics.track("u1", "E")
        if fails:
            raise LookupError

    def visit() -> weakref.ref[Upload]:
        environ = environ_of(cookie=f"ko_id={ALICE}")
        environ["upload"] = upload = Upload()
        with suppress(LookupError):
            app(environ, start_response)
        return weakref.ref(upload)

    app = wsgi(Site(view, options))
    assert [visit()() for _ in range(3)] == [None] * 3


@pytest.mark.usefixtures("no_collector", "events")
@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "options"])
@pytest.mark.parametrize("middleware", [ASGIMiddleware, StarletteMiddleware])
def test_scope_is_freed_with_its_request(middleware: Any, options: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        analytics.track("u1", "E")

    async def visit() -> weakref.ref[Upload]:
        scope = {"type": "http", "headers": [], "upload": (upload := Upload())}
        await app(scope, None, None)
        return weakref.ref(upload)

    app = middleware(application, **options)
    assert asyncio.run(visit())() is None


@collected_as_nobody
def test_unfinished_body_is_collected_as_nobody() -> None:
    """A server that never closes a body may have left it to another request's thread."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            yield b""
        finally:
            seen.append(koala.get_profile_id())

    seen: list[str | None] = []
    body: Any = KoalaMiddleware(application)({"HTTP_COOKIE": f"ko_id={ALICE}"}, start_response)
    next(iter(body))
    cycle = [body]
    cycle.append(cycle)
    del body, cycle
    with koala.profile(BOB):
        gc.collect()
        assert koala.get_profile_id() == BOB
    assert seen == [None]


@collected_as_nobody
def test_unfinished_async_generator_is_collected_as_nobody() -> None:
    async def content() -> AsyncIterator[bytes]:
        try:
            yield b""
        finally:
            seen.append(koala.get_profile_id())

    async def main() -> None:
        with koala.profile(ALICE):
            steps = content()
            await anext(steps)
        cycle: list[Any] = [steps]
        cycle.append(cycle)
        del steps, cycle
        with koala.profile(BOB):
            gc.collect()
            await asyncio.sleep(0.01)

    seen: list[str | None] = []
    asyncio.run(main())
    assert seen == [None]
