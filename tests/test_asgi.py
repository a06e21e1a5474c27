"""The ASGI middleware."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import koala_middleware as koala
from koala_middleware.asgi import ASGIApp, KoalaMiddleware
from koala_middleware.cookies import cookie_header
from tests.visitors import ALICE, BOB


async def receive() -> dict[str, Any]:
    return {"type": "http.request"}


async def send(message: Any) -> None:
    pass


def scope(*cookies: str, type: str = "http") -> dict[str, Any]:
    return {"type": type, "headers": [(b"cookie", cookie.encode("latin-1")) for cookie in cookies]}


def serve(app: ASGIApp, request: dict[str, Any]) -> None:
    async def request_task() -> None:
        await app(request, receive, send)
        assert koala.current_visitor() is None

    asyncio.run(request_task())


class Application:
    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(koala.get_profile_id())
        await asyncio.sleep(0)
        self.seen.append(await asyncio.create_task(self.in_a_task()))
        self.seen.append(await asyncio.to_thread(koala.get_profile_id))

    async def in_a_task(self) -> str | None:
        return koala.get_profile_id()


@pytest.mark.parametrize("type", ["http", "websocket"])
def test_visitor_is_current_in_the_application(type: str) -> None:
    request = scope(f"ko_id={ALICE}", type=type)
    serve(KoalaMiddleware(app := Application()), request)
    assert app.seen == [ALICE] * 3
    assert request["koala"].profile_id == ALICE


def test_request_without_a_cookie_is_nobodys() -> None:
    async def main() -> None:
        with koala.profile(BOB):
            await KoalaMiddleware(app)(request, receive, send)
            assert koala.get_profile_id() == BOB

    app, request = Application(), scope()
    asyncio.run(main())
    assert app.seen == [None] * 3
    assert request["koala"].profile_id is None


def test_lifespan_passes_through() -> None:
    request = {"type": "lifespan"}
    serve(KoalaMiddleware(app := Application()), request)
    assert (app.seen, request) == ([None] * 3, {"type": "lifespan"})


def test_concurrent_requests_keep_their_visitors() -> None:
    async def main() -> None:
        await asyncio.gather(
            KoalaMiddleware(alices)(scope(f"ko_id={ALICE}"), receive, send),
            KoalaMiddleware(bobs)(scope(f"ko_id={BOB}"), receive, send),
        )

    alices, bobs = Application(), Application()
    asyncio.run(main())
    assert (alices.seen, bobs.seen) == ([ALICE] * 3, [BOB] * 3)


def test_exception_of_the_application_passes_unchanged() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise error

    async def main() -> None:
        with pytest.raises(KeyError) as raised:
            await KoalaMiddleware(failing)(scope(f"ko_id={ALICE}"), receive, send)
        assert raised.value is error
        assert koala.current_visitor() is None

    error = KeyError("x")
    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(b"accept", b"a=1")], None, id="others"),
        pytest.param([(b"cookie", b"a=1")], "a=1", id="one"),
        pytest.param([(b"cookie", b"a=1"), (b"cookie", b"b=2")], "a=1; b=2", id="split"),
        pytest.param([(b"cookie", b"a=\xff\x00")], "a=\xff\x00", id="raw-bytes"),
    ],
)
def test_cookie_header(headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    assert cookie_header(headers) == expected


def test_request_filter_gets_the_scope() -> None:
    app = Application()
    middleware = KoalaMiddleware(app, request_filter=lambda scope: scope["path"] != "/health")
    serve(middleware, request := scope(f"ko_id={ALICE}") | {"path": "/health"})
    serve(middleware, scope(f"ko_id={ALICE}") | {"path": "/"})
    assert app.seen == [None] * 3 + [ALICE] * 3
    assert request["koala"].profile_id is None


def test_other_scopes_reach_the_application_untouched() -> None:
    async def application(*arguments: Any) -> None:
        seen.extend(arguments)

    seen: list[Any] = []
    request = {"type": "lifespan"}
    serve(KoalaMiddleware(application), request)
    assert seen == [request, receive, send]
