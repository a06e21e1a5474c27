"""The Starlette plugin, in real Starlette and FastAPI applications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import koala_middleware as koala
from koala_middleware.contrib.starlette import KoalaMiddleware
from tests.serving import start_and_stop
from tests.sites import STARLETTE, starlette_with_add
from tests.streams import EACH_CHUNK, async_chunks, chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]
Endpoint = Callable[..., Any]
MakeApp = Callable[..., Any]


def routes(endpoint: Endpoint) -> list[BaseRoute]:
    return [Route("/", endpoint, methods=["GET"]), WebSocketRoute("/websocket", websocket)]


@pytest.fixture(params=STARLETTE)
def make_app(request: pytest.FixtureRequest) -> MakeApp:
    """Return a function that makes an application of an endpoint and options."""

    def make(endpoint: Endpoint, **options: Any) -> Any:
        return STARLETTE[request.param](routes(endpoint), **options)

    return make


def get(app: Any, headers: dict[str, str] | None = None) -> str:
    response: Any = TestClient(app, raise_server_exceptions=False).get("/", headers=headers)
    text: str = response.text
    return text


async def websocket(websocket: WebSocket) -> None:
    track("handshake")
    await websocket.accept()
    async for text in websocket.iter_text():
        track(text)
        await websocket.send_text(koala.get_profile_id() or "nobody")
    track("end")


async def endpoint(request: Request) -> Response:
    track("endpoint")
    await asyncio.sleep(0)
    return PlainTextResponse(koala.get_profile_id() or "nobody")


def sync_endpoint(request: Request) -> Response:
    track("endpoint")
    return PlainTextResponse(koala.get_profile_id() or "nobody")


endpoints = pytest.mark.parametrize("endpoint", [endpoint, sync_endpoint])


# Endpoints


@endpoints
def test_endpoint(endpoint: Endpoint, make_app: MakeApp, events: Events) -> None:
    assert get(make_app(endpoint), cookie(ALICE)) == ALICE
    assert profile_ids(events) == {"endpoint": ALICE}


@endpoints
def test_endpoint_of_nobody(endpoint: Endpoint, make_app: MakeApp, events: Events) -> None:
    assert get(make_app(endpoint)) == "nobody"
    assert profile_ids(events) == {"endpoint": None}


def test_cookie_set_on_the_test_client(make_app: MakeApp) -> None:
    client = TestClient(make_app(endpoint), cookies={"ko_id": BOB})
    assert client.get("/").text == BOB


def test_threads_and_tasks_of_an_endpoint(make_app: MakeApp, events: Events) -> None:
    async def coroutine() -> None:
        track("task")

    async def endpoint(request: Request) -> Response:
        await run_in_threadpool(track, "thread")
        await asyncio.create_task(coroutine())
        return Response()

    get(make_app(endpoint), cookie(ALICE))
    assert profile_ids(events) == {"thread": ALICE, "task": ALICE}


def test_websocket(make_app: MakeApp, events: Events) -> None:
    client = TestClient(make_app(endpoint))
    with client.websocket_connect("/websocket", headers=cookie(ALICE)) as websocket:
        websocket.send_text("message 1")
        assert websocket.receive_text() == ALICE
        websocket.send_text("message 2")
        assert websocket.receive_text() == ALICE
    expected = dict.fromkeys(["handshake", "message 1", "message 2", "end"], ALICE)
    assert profile_ids(events) == expected


def test_websocket_of_nobody(make_app: MakeApp) -> None:
    with TestClient(make_app(endpoint)).websocket_connect("/websocket") as websocket:
        websocket.send_text("message")
        assert websocket.receive_text() == "nobody"


def test_mounted_application(events: Events) -> None:
    app = Starlette(routes=[Mount("/site", starlette_with_add(routes(endpoint)))])
    assert TestClient(app).get("/site/", headers=cookie(ALICE)).text == ALICE
    assert profile_ids(events) == {"endpoint": ALICE}


def test_lifespan_has_nobody(events: Events) -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        track("start")
        yield {"started": True}
        track("stop")

    app = Starlette(lifespan=lifespan)
    app.add_middleware(KoalaMiddleware)
    scope = start_and_stop(app)
    assert profile_ids(events) == {"start": None, "stop": None}
    assert scope["state"] == {"started": True}
    assert "koala" not in scope


# Streams and background tasks


@pytest.mark.parametrize("content", [chunks, async_chunks])
def test_stream(content: Callable[[], Any], make_app: MakeApp, events: Events) -> None:
    async def endpoint(request: Request) -> Response:
        return StreamingResponse(content())

    assert get(make_app(endpoint), cookie(ALICE)) == "12"
    assert profile_ids(events) == EACH_CHUNK


async def async_track(event: str) -> None:
    await asyncio.sleep(0)
    track(event)


@pytest.mark.parametrize("task", [track, async_track])
def test_background_task(task: Callable[[str], Any], make_app: MakeApp, events: Events) -> None:
    async def endpoint(request: Request) -> Response:
        return Response(background=BackgroundTask(task, "background"))

    get(make_app(endpoint), cookie(ALICE))
    assert profile_ids(events) == {"background": ALICE}


def test_file(make_app: MakeApp, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("content")

    async def endpoint(request: Request) -> Response:
        return FileResponse(file)

    assert get(make_app(endpoint), cookie(ALICE)) == "content"


async def dispatch(request: Request, call_next: Any) -> Any:
    track("before")
    response = await call_next(request)
    track("after")
    return response


async def streaming_endpoint(request: Request) -> Response:
    return StreamingResponse(chunks(), background=BackgroundTask(track, "background"))


def test_base_http_middleware_below(events: Events) -> None:
    """It runs what is below in a task of its own."""
    base = Middleware(BaseHTTPMiddleware, dispatch=dispatch)
    get(
        Starlette(
            routes=routes(streaming_endpoint), middleware=[Middleware(KoalaMiddleware), base]
        ),
        cookie(ALICE),
    )
    around = dict.fromkeys(["before", "after", "background"], ALICE)
    assert profile_ids(events) == EACH_CHUNK | around


def test_base_http_middleware_above(events: Events) -> None:
    base = Middleware(BaseHTTPMiddleware, dispatch=dispatch)
    get(
        Starlette(
            routes=routes(streaming_endpoint), middleware=[base, Middleware(KoalaMiddleware)]
        ),
        cookie(ALICE),
    )
    around = {"before": None, "after": None, "background": ALICE}
    assert profile_ids(events) == EACH_CHUNK | around


# FastAPI


def test_fastapi_dependencies_and_background_tasks(events: Events) -> None:
    app = FastAPI()
    app.add_middleware(KoalaMiddleware)

    def dependency() -> Iterator[str | None]:
        track("before")
        yield koala.get_profile_id()
        track("after")

    @app.get("/")
    def endpoint(tasks: BackgroundTasks, profile_id: str = Depends(dependency)) -> str:
        track("endpoint")
        tasks.add_task(track, "background")
        return profile_id

    assert TestClient(app).get("/", headers=cookie(ALICE)).json() == ALICE
    assert profile_ids(events) == dict.fromkeys(
        ["before", "endpoint", "after", "background"], ALICE
    )


# Errors


async def failing_endpoint(request: Request) -> Response:
    track("endpoint")
    raise LookupError("no such thing")


def test_scope_tells_the_outermost_error_handler(events: Events) -> None:
    """Starlette calls the handler of 500 outside all middleware."""
    visitors: list[koala.Visitor] = []

    async def server_error(request: Request, error: Exception) -> Response:
        visitors.append(request.scope["koala"])
        track("500")
        return PlainTextResponse("sorry", 500)

    app = starlette_with_add(routes(failing_endpoint))
    app.add_exception_handler(500, server_error)
    assert (get(app, cookie(ALICE)), get(app)) == ("sorry", "sorry")
    assert [visitor.profile_id for visitor in visitors] == [ALICE, None]
    assert [profile_ids([event]) for event in events] == [
        {"endpoint": ALICE},
        {"500": None},
        {"endpoint": None},
        {"500": None},
    ]


def test_exception_handler(events: Events) -> None:
    async def not_found(request: Request, error: Exception) -> Response:
        track("404")
        return PlainTextResponse("sorry", 404)

    app = starlette_with_add(routes(failing_endpoint))
    app.add_exception_handler(LookupError, not_found)
    assert get(app, cookie(ALICE)) == "sorry"
    assert profile_ids(events) == {"endpoint": ALICE, "404": ALICE}


# Cookies


# Options


def has_consent(connection: HTTPConnection) -> bool:
    return isinstance(connection, HTTPConnection) and connection.cookies.get("consent") == "yes"


@pytest.mark.parametrize(("answer", "expected"), [("yes", ALICE), ("no", "nobody")])
def test_option_request_filter_for_a_websocket(
    answer: str, expected: str, make_app: MakeApp
) -> None:
    client = TestClient(make_app(endpoint, request_filter=has_consent))
    headers = {"Cookie": f"ko_id={ALICE}; consent={answer}"}
    with client.websocket_connect("/websocket", headers=headers) as websocket:
        websocket.send_text("message")
        assert websocket.receive_text() == expected
