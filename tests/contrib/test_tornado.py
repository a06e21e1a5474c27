"""The middleware for Tornado, with real servers and connections on loopback."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado import web, websocket
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.wsgi import WSGIContainer

import koala_middleware as koala
from koala_middleware import filters
from koala_middleware.causes import Cause
from koala_middleware.contrib.tornado import KoalaMiddleware
from tests.streams import EACH_CHUNK, async_chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

Events = list[dict[str, Any]]

NAVIGATION = {"Sec-Fetch-Dest": "document"}


class View(web.RequestHandler):
    def get(self) -> None:
        track("view")
        self.set_header("Vary", "Accept")
        self.write("fine")


def run(app: Any, work: Callable[[int], Awaitable[Any]]) -> Any:
    """Serve an application, and return what some work at its port returns."""

    async def main() -> Any:
        listening, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_sockets([listening])
        try:
            return await work(port)
        finally:
            server.stop()
            await server.close_all_connections()

    return asyncio.run(main())


def get(
    handler: type[web.RequestHandler] = View,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Any:
    async def work(port: int) -> Any:
        url = f"http://127.0.0.1:{port}/a%20b?x=%C3%A4"
        client = AsyncHTTPClient(force_instance=True)
        try:
            return await client.fetch(url, headers=headers or cookie(ALICE), raise_error=False)
        finally:
            client.close()

    return run(KoalaMiddleware(web.Application([("/.*", handler)]), **options), work)


async def converse(port: int, *requests: str) -> list[str]:
    """Send requests over one connection, and return the responses' bodies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bodies = []
    for who in requests:
        writer.write(f"GET / HTTP/1.1\r\nHost: a\r\nCookie: ko_id={who}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        bodies.append((await reader.readexactly(length)).decode())
    writer.close()
    await writer.wait_closed()
    return bodies


def test_visitor_of_each_request_on_one_connection() -> None:
    class Who(web.RequestHandler):
        async def get(self) -> None:
            await asyncio.sleep(0)
            connection: Any = self.request.connection
            assert connection.koala_visitor.profile_id == koala.get_profile_id()
            self.write(str(koala.get_profile_id()))

    app = KoalaMiddleware(web.Application([("/", Who)]))
    assert run(app, lambda port: converse(port, ALICE, "", BOB)) == [ALICE, "None", BOB]


def test_end_of_a_connection_is_the_last_requests(events: Events) -> None:
    """Not the visitor's in whose request the server first waited for the connection."""
    seen: list[str | None] = []
    waiting: list[asyncio.Event] = []

    class Waiting(web.RequestHandler):
        async def get(self) -> None:
            if koala.get_profile_id() != BOB:
                self.write("fine")
                return
            waiting.append(asyncio.Event())
            await waiting[0].wait()

        def on_connection_close(self) -> None:
            seen.append(koala.get_profile_id())
            waiting[0].set()

    async def work(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        for who in (ALICE, BOB):
            writer.write(f"GET / HTTP/1.1\r\nHost: a\r\nCookie: ko_id={who}\r\n\r\n".encode())
        while not waiting:
            await asyncio.sleep(0.001)
        raw: socket.socket = writer.get_extra_info("socket")
        raw.shutdown(socket.SHUT_RDWR)
        while not seen:
            await asyncio.sleep(0.001)
        writer.close()

    run(KoalaMiddleware(web.Application([("/", Waiting)])), work)
    assert seen == [BOB]


def test_streamed_response(events: Events) -> None:
    class Stream(web.RequestHandler):
        async def get(self) -> None:
            async for chunk in async_chunks():
                self.write(chunk)
                await self.flush()

        def on_finish(self) -> None:
            track("finished")

    assert get(Stream).body == b"12"
    assert profile_ids(events) == {**EACH_CHUNK, "finished": ALICE}


def _receive(handler: web.RequestHandler, chunk: bytes) -> None:
    track(f"got {chunk.decode()}")


async def _receive_async(handler: web.RequestHandler, chunk: bytes) -> None:
    await asyncio.sleep(0)
    track(f"got {chunk.decode()}")


@pytest.mark.parametrize("receive", [_receive, _receive_async])
def test_streamed_request(events: Events, receive: Any) -> None:
    """Tornado awaits what an asynchronous ``data_received()`` returns outside of the call."""

    @web.stream_request_body
    class Upload(web.RequestHandler):
        data_received = receive

        def prepare(self) -> None:
            track("prepare")

        def post(self) -> None:
            track("post")

        def on_connection_close(self) -> None:
            track("closed")

    async def work(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST / HTTP/1.1\r\nHost: a\r\nCookie: ko_id={ALICE}\r\nContent-Length: 3\r\n\r\n"
        writer.write(f"{head}abc".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{head}ab".encode())
        while len(events) < 5:
            await asyncio.sleep(0.001)
        writer.close()
        while len(events) < 6:
            await asyncio.sleep(0.001)

    run(KoalaMiddleware(web.Application([("/", Upload)])), work)
    assert [event["event"] for event in events] == [
        *("prepare", "got abc", "post", "prepare", "got ab", "closed")
    ]
    assert {event["properties"]["profile_id"] for event in events} == {ALICE}


def test_websocket(events: Events) -> None:
    class Talk(websocket.WebSocketHandler):
        def open(self, *args: str, **kwargs: str) -> None:
            track("open")

        async def on_message(self, message: str | bytes) -> None:
            await asyncio.sleep(0)
            track(str(message))
            self.write_message("heard")

        def on_close(self) -> None:
            track("close")

    async def work(port: int) -> None:
        url = f"ws://127.0.0.1:{port}/"
        for count, is_cut in ((3, False), (6, True)):
            connection = await websocket.websocket_connect(HTTPRequest(url, headers=cookie(ALICE)))
            await connection.write_message("hello")
            await connection.read_message()
            if is_cut:
                connection.protocol.stream.close()  # type: ignore[union-attr]
            connection.close()
            while len(events) < count:
                await asyncio.sleep(0.001)

    run(KoalaMiddleware(web.Application([("/", Talk)])), work)
    assert [event["event"] for event in events] == ["open", "hello", "close"] * 2
    assert profile_ids(events) == dict.fromkeys(["open", "hello", "close"], ALICE)
    assert {event["properties"].get("profile_id") for event in events} == {ALICE}


def test_error(events: Events) -> None:
    class Failing(web.RequestHandler):
        def get(self) -> None:
            raise web.HTTPError(418)

        def write_error(self, status_code: int, **kwargs: Any) -> None:
            track("error")

    assert get(Failing).code == 418
    assert profile_ids(events) == {"error": ALICE}


def test_options_that_look_at_the_request(events: Events) -> None:
    get(
        headers={"X-Visitor": ALICE, "User-Agent": "Mozilla/5.0"},
        header_name="X-Visitor",
        context=True,
        email=lambda request: request.headers["X-Visitor"][:3] + "@example.com",
        request_filter=filters.skip_bots & filters.skip_paths("/health"),
    )
    assert events[0]["properties"] == {"profile_id": ALICE, "email": "3e6@example.com"}
    context = events[0]["context"]
    assert (context["ip"], context["userAgent"]) == ("127.0.0.1", "Mozilla/5.0")
    assert context["page"]["path"] == "/a%20b"
    assert context["page"]["url"].endswith("/a%20b?x=%C3%A4")


def test_browser_ids_and_explanation(events: Events) -> None:
    explained: list[koala.Explanation] = []

    class Explained(View):
        def get(self) -> None:
            explained.append(koala.explain())
            super().get()

    browser_ids = [koala.BrowserId(cookie="_fbp", path="properties.fbp")]
    get(Explained, {"Cookie": "_fbp=fb.1.2.3"}, browser_ids=browser_ids, explain=True)
    assert events[0]["properties"]["fbp"] == "fb.1.2.3"
    assert (explained[0].cause, explained[0].method) == (Cause.NO_COOKIE, "GET")
    assert explained[0].path == "/a b"


def test_refused_and_disabled(events: Events) -> None:
    get(request_filter=lambda request: False)
    get(enabled=False)
    assert [event["properties"] for event in events] == [{}, {}]


def test_minted_id_and_its_cookie(events: Events) -> None:
    response = get(headers=NAVIGATION, mint=koala.Mint())
    profile_id = events[0]["properties"]["profile_id"]
    assert response.headers["Set-Cookie"].startswith(f"ko_id={profile_id};")
    assert response.headers["Cache-Control"] == "private"
    assert response.headers.get_list("Vary") == ["Accept, Cookie"]


def test_no_cookie_where_none_is_minted(events: Events) -> None:
    response = get(headers={**NAVIGATION, **cookie(ALICE)}, mint=koala.Mint())
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "options", [{}, {"mint": koala.Mint(), "email": lambda request: None}], ids=["none", "all"]
)
def test_finished_request_is_freed(events: Events, options: dict[str, Any]) -> None:
    """Without the garbage collector, as Tornado's own tests want it."""
    connections: list[weakref.ref[Any]] = []

    class Remembered(View):
        def get(self) -> None:
            super().get()
            connections.append(weakref.ref(self.request.connection))

    gc.collect()
    gc.disable()
    try:
        get(Remembered, {**NAVIGATION, "Accept": "text/html"}, **options)
        assert [connection() for connection in connections] == [None]
    finally:
        gc.enable()


def test_somebody_elses_replacement_of_a_method_is_called(events: Events) -> None:
    """As where our middleware is around ours."""
    app = KoalaMiddleware(web.Application([("/", View)]))
    assert run(KoalaMiddleware(app), lambda port: converse(port, ALICE)) == ["fine"]
    assert profile_ids(events) == {"view": ALICE}


def test_end_of_a_connection_is_passed_on() -> None:
    closed: list[object] = []

    class App(web.Application):
        def on_close(self, server_conn: object) -> None:
            closed.append(server_conn)

    KoalaMiddleware(App()).on_close("connection")
    assert closed == ["connection"]


@pytest.mark.usefixtures("no_collector", "events")
@pytest.mark.parametrize("options", [{}, {"context": True, "mint": koala.Mint()}])
def test_request_is_freed_at_once(options: Any) -> None:
    refs: list[weakref.ref[Any]] = []

    class Noting(View):
        def get(self) -> None:
            super().get()
            refs.extend(map(weakref.ref, (self.request, self.request.connection)))

    get(Noting, NAVIGATION, **options)
    assert [ref() for ref in refs] == [None, None]


def test_wsgi_container_is_refused() -> None:
    """It has no ``start_request()``, so each request would fail."""
    with pytest.raises(TypeError, match="below its WSGIContainer"):
        KoalaMiddleware(WSGIContainer(lambda environ, start_response: []))  # type: ignore[arg-type]


def test_wrong_options() -> None:
    with pytest.raises(TypeError, match="did you mean cookie_name"):
        KoalaMiddleware(web.Application(), cookie_nam="x")  # type: ignore[call-arg]
