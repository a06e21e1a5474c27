"""The middleware for aiohttp's server, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import koala_middleware as koala
from koala_middleware import filters
from koala_middleware.causes import Cause
from koala_middleware.contrib.aiohttp import VISITOR, KoalaMiddleware, setup
from tests.streams import EACH_CHUNK, async_chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

Events = list[dict[str, Any]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAVIGATION = {"Sec-Fetch-Dest": "document"}


async def view(request: web.Request) -> web.Response:
    track("view")
    return web.Response(text="fine")


def run(app: web.Application, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Serve an application, and give a client of it some work."""

    async def main() -> Any:
        async with TestClient(TestServer(app)) as client:
            return await work(client)

    return asyncio.run(main())


def get(handler: Handler = view, /, headers: dict[str, str] | None = None, **options: Any) -> Any:
    """Get a page of a site, and return the response and its text."""
    app = web.Application()
    setup(app, **options)
    app.router.add_get("/{path:.*}", handler)

    async def work(client: Any) -> Any:
        response = await client.get("/a%20b?x=%C3%A4", headers=headers or cookie(ALICE))
        return response, await response.text()

    return run(app, work)


def test_visitor_of_each_request(events: Events) -> None:
    """On one connection, too."""
    seen: list[Any] = []

    @web.middleware
    async def outer(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        finally:
            seen.append((koala.current_visitor(), request[VISITOR].profile_id))
        return response

    async def failing(request: web.Request) -> web.Response:
        track("failing")
        raise web.HTTPConflict

    app = web.Application(middlewares=[outer, KoalaMiddleware()])
    app.router.add_get("/", view)
    app.router.add_get("/failing", failing)

    async def work(client: Any) -> list[int]:
        pages = (("/", ALICE), ("/failing", BOB), ("/missing", ALICE), ("/", ""))
        return [(await client.get(path, headers=cookie(who))).status for path, who in pages]

    assert run(app, work) == [200, 409, 404, 200]
    assert [event["properties"].get("profile_id") for event in events] == [ALICE, BOB, None]
    assert seen == [(None, ALICE), (None, BOB), (None, ALICE), (None, None)]


def test_streamed_response(events: Events) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in async_chunks():
            await response.write(chunk.encode())
        return response

    _, text = get(stream)
    assert (text, profile_ids(events)) == ("12", EACH_CHUNK)


def test_body_that_is_written_after_the_handler(events: Events) -> None:
    async def body() -> Any:
        async for chunk in async_chunks():
            yield chunk.encode()

    async def stream(request: web.Request) -> web.Response:
        return web.Response(body=body())

    _, text = get(stream)
    assert (text, profile_ids(events)) == ("12", EACH_CHUNK)


def test_websocket(events: Events) -> None:
    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            track(message.data)
            await socket.send_str("heard")
        track("closed")
        return socket

    app = web.Application()
    setup(app)
    app.router.add_get("/", talk)

    async def work(client: Any) -> None:
        async with client.ws_connect("/", headers=cookie(ALICE)) as socket:
            for word in ("hello", "bye"):
                await socket.send_str(word)
                await socket.receive()
        while len(events) < 3:
            await asyncio.sleep(0.001)

    run(app, work)
    assert profile_ids(events) == dict.fromkeys(["hello", "bye", "closed"], ALICE)


def test_options_that_look_at_the_request(events: Events) -> None:
    seen: list[web.Request] = []

    def email(request: web.Request) -> str:
        seen.append(request)
        return "alice@example.com"

    get(
        headers={"X-Visitor": ALICE, "User-Agent": "Mozilla/5.0"},
        header_name="X-Visitor",
        context=True,
        email=email,
        request_filter=filters.skip_bots & filters.skip_paths("/health"),
    )
    assert events[0]["properties"] == {"profile_id": ALICE, "email": "alice@example.com"}
    context = events[0]["context"]
    assert (context["ip"], context["userAgent"]) == ("127.0.0.1", "Mozilla/5.0")
    assert context["page"]["path"] == "/a%20b"
    assert context["page"]["url"].endswith("/a%20b?x=%C3%A4")
    assert type(seen[0]) is web.Request


def test_browser_ids_and_explanation(events: Events) -> None:
    explained: list[koala.Explanation] = []

    async def handler(request: web.Request) -> web.Response:
        explained.append(koala.explain())
        return await view(request)

    browser_ids = [koala.BrowserId(cookie="_fbp", path="properties.fbp")]
    get(handler, {"Cookie": "_fbp=fb.1.2.3"}, browser_ids=browser_ids, explain=True)
    assert events[0]["properties"]["fbp"] == "fb.1.2.3"
    assert (explained[0].cause, explained[0].method) == (Cause.NO_COOKIE, "GET")
    assert explained[0].path == "/a b"


def test_refused_and_disabled(events: Events) -> None:
    get(request_filter=lambda request: False)
    get(enabled=False)
    assert profile_ids(events) == {"view": None}


async def html(request: web.Request) -> web.Response:
    track("view")
    return web.Response(text="fine", headers={"Vary": "Accept"})


async def stream(request: web.Request) -> web.StreamResponse:
    track("view")
    response = web.StreamResponse(headers={"Vary": "Accept"})
    await response.prepare(request)
    return response


@pytest.mark.parametrize("handler", [html, stream])
def test_minted_id_and_its_cookie(handler: Handler, events: Events) -> None:
    response, _ = get(handler, NAVIGATION, mint=koala.Mint())
    profile_id = events[0]["properties"]["profile_id"]
    assert response.headers["Set-Cookie"].startswith(f"ko_id={profile_id};")
    assert response.headers["Cache-Control"] == "private"
    assert response.headers.getall("Vary") == ["Accept, Cookie"]


def test_no_cookie_where_none_is_minted(events: Events) -> None:
    response, _ = get(view, {**NAVIGATION, **cookie(ALICE)}, mint=koala.Mint())
    assert "Set-Cookie" not in response.headers
    app = web.Application()
    setup(app, mint=koala.Mint(), enabled=False)
    app.router.add_get("/", view)

    async def work(client: Any) -> Any:
        return (await client.get("/", headers=NAVIGATION)).headers

    assert "Set-Cookie" not in run(app, work)


def test_wrong_options() -> None:
    with pytest.raises(TypeError, match="did you mean cookie_name"):
        KoalaMiddleware(cookie_nam="x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"option mint: expected None here; setup\(app"):
        KoalaMiddleware(mint=koala.Mint())


def test_anonymous_id_and_its_cookie(events: Events) -> None:
    response, _ = get(view, NAVIGATION, anonymous_id="mint")
    assert response.headers["Set-Cookie"].startswith("ajs_anonymous_id=")
    with pytest.raises(ValueError, match="option anonymous_id: expected None here"):
        KoalaMiddleware(anonymous_id="mint")
