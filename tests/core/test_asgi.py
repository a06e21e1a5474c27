"""The ASGI middleware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import koala_middleware as koala
import koala_middleware.contrib.starlette
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


# The headers of a scope


Headers = list[tuple[bytes, bytes]]
PLUGINS = [KoalaMiddleware, koala_middleware.contrib.starlette.KoalaMiddleware]
ALL_OPTIONS: dict[str, Any] = {"header_name": "X-Visitor", "context": True, "mint": koala.Mint()}
each_plugin = pytest.mark.parametrize("plugin", PLUGINS)
each_options = pytest.mark.parametrize("options", [{}, ALL_OPTIONS], ids=["plain", "options"])


def read_after(edit: Callable[[Any], object], seen: list[Any]) -> ASGIApp:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(edit(scope))
        seen.append(koala.get_profile_id())

    return application


@each_options
@each_plugin
@pytest.mark.parametrize("type", ["http", "websocket"])
def test_scope_without_headers_is_nobodys(plugin: Any, options: Any, type: str) -> None:
    """As Django's ASGIRequest and Starlette's own tests allow."""
    seen: list[Any] = []
    request = {"type": type}
    serve(plugin(read_after(lambda scope: "headers" in scope, seen), **options), request)
    assert seen == [False, None]


@each_options
@each_plugin
@pytest.mark.parametrize("kind", [iter, list, tuple, dict.fromkeys])
def test_headers_reach_the_application(plugin: Any, options: Any, kind: Any) -> None:
    """Falcon's test client has an iterator, which can be read only once."""
    headers = scope(f"ko_id={ALICE}")["headers"]
    request = {"type": "http", "headers": (given := kind(headers))}
    seen: list[Any] = []
    serve(plugin(read_after(lambda scope: list(scope["headers"]), seen), **options), request)
    assert seen == [headers, ALICE]
    assert kind is iter or request["headers"] is given


@each_options
@each_plugin
@pytest.mark.parametrize("kind", [iter, tuple])
def test_pairs_that_can_be_read_once_reach_the_application(
    plugin: Any, options: Any, kind: Any
) -> None:
    """Falcon's test client has an iterator of iterators, as ASGI allows."""
    headers = scope(f"ko_id={ALICE}")["headers"]
    request = {"type": "http", "headers": kind([iter(pair) for pair in headers])}
    seen: list[Any] = []

    def edit(scope: Any) -> Any:
        return [tuple(pair) for pair in scope["headers"]]

    serve(plugin(read_after(edit, seen), **options), request)
    assert seen == [headers, ALICE]


@each_options
@each_plugin
def test_edits_of_the_application_change_no_id(plugin: Any, options: Any) -> None:
    def edit(scope: Any) -> None:
        scope["headers"][:] = [(b"cookie", f"ko_id={BOB}".encode())]

    seen: list[Any] = []
    serve(plugin(read_after(edit, seen), **options), scope(f"ko_id={ALICE}"))
    assert seen == [None, ALICE]


@each_options
@each_plugin
@pytest.mark.parametrize("headers", [None, 5, [5], [(b"cookie", "ko_id=x")], [(b"cookie", None)]])
def test_headers_that_cannot_be_read_are_nobodys(
    plugin: Any, options: Any, headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    for _ in range(2):
        request = {"type": "http", "headers": headers}
        serve(plugin(read_after(lambda scope: scope["headers"], seen), **options), request)
    assert seen == [headers, None] * 2
    messages = [m for m in caplog.messages if "its requests have no visitor" in m]
    assert len(messages) == 1
    assert len(set(caplog.messages)) == len(caplog.messages)
