"""Three ASGI applications in one process: bare, Starlette and Django, by the path's first step."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse as StarletteFile
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import koala_middleware as koala
from koala_middleware.asgi import ASGIApp, KoalaMiddleware, Receive, Scope, Send
from koala_middleware.contrib.starlette import KoalaMiddleware as StarletteMiddleware
from tests.storm.asgi_work import act, body, chunks, chunks_in_a_thread, later
from tests.storm.kinds import CHUNKS
from tests.storm.options import OPTIONS, SETTINGS
from tests.storm.tracking import FILE, PAUSE, track, track_later

tasks: set[asyncio.Task[None]] = set()


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    _, _, kind, ref = scope["path"].split("/")
    if kind == "websocket":
        await converse(WebSocket(scope, receive, send))
        return
    await act(kind, ref)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if kind in CHUNKS:
        try:
            async for chunk in chunks(kind, ref):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            track(ref, "close")
    await send({"type": "http.response.body", "body": b"done"})
    if kind == "background":
        await later(ref)


async def converse(websocket: WebSocket) -> None:
    """Track when a websocket opens and closes, and each message that it gets."""
    ref = websocket.url.path.split("/")[-1]
    await websocket.accept()
    track(ref, "connect")
    count = 0
    async for message in websocket.iter_text():
        await asyncio.sleep(PAUSE)
        track(ref, f"message{count}")
        await websocket.send_text(message)
        count += 1
    track(ref, "disconnect")


async def starlette_view(request: Request) -> Response:
    kind, ref = request.path_params["kind"], request.path_params["ref"]
    await act(kind, ref)
    if kind == "threadstream":
        return StreamingResponse(chunks_in_a_thread(kind, ref))
    if kind in CHUNKS:
        return StreamingResponse(body(kind, ref))
    if kind == "file":
        return StarletteFile(FILE)
    background = BackgroundTask(track_later, ref) if kind == "background" else None
    return PlainTextResponse("done", background=background)


def starlette_function(request: Request) -> Response:
    time.sleep(PAUSE)
    track(request.path_params["ref"], "view")
    return PlainTextResponse("done")


async def starlette_error_page(request: Request, error: Exception) -> Response:
    # Starlette calls this outside of all middleware, where the visitor is in the scope; and also
    # for a body that breaks, when no page can be sent any more.
    if request.path_params["kind"] == "errorpage":
        with koala.profile(request.scope["koala"].profile_id):
            track(request.path_params["ref"], "page")
    return PlainTextResponse("sorry", status_code=500)


starlette_site = Starlette(
    routes=[
        Route("/starlette/thread/{ref}", starlette_function, methods=["POST"]),
        Route("/starlette/{kind}/{ref}", starlette_view, methods=["POST"]),
        WebSocketRoute("/starlette/websocket/{ref}", converse),
    ],
    middleware=[Middleware(StarletteMiddleware, **OPTIONS)],
    exception_handlers={Exception: starlette_error_page},
)


async def django_view(request: HttpRequest, kind: str, ref: str) -> HttpResponseBase:
    await act(kind, ref)
    if kind == "file":
        return FileResponse(FILE.open("rb"))
    if kind == "background":
        tasks.add(task := asyncio.create_task(later(ref)))
        task.add_done_callback(tasks.discard)
    return StreamingHttpResponse(body(kind, ref)) if kind in CHUNKS else HttpResponse("done")


def django_function(request: HttpRequest, ref: str) -> HttpResponse:
    time.sleep(PAUSE)
    track(ref, "view")
    return HttpResponse("done")


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a failed request; Django finds this by its name."""
    track(request.path.split("/")[-1], "page")
    return HttpResponse("sorry", status=500)


urlpatterns = [
    path("django/thread/<ref>", django_function),
    path("django/<kind>/<ref>", django_view),
]

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["koala_middleware.contrib.django.KoalaMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="storm",
    **SETTINGS,
)

SITES: dict[str, ASGIApp] = {
    "bare": KoalaMiddleware(bare, **OPTIONS),
    "starlette": starlette_site,
    "django": cast(ASGIApp, get_asgi_application()),
}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    site = SITES.get(scope["path"].split("/")[1])
    if site is None:  # whether the server is up
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"up"})
    else:
        await site(scope, receive, send)
