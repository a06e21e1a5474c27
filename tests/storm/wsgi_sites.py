"""Three WSGI applications in one process: bare, Flask and Django, by the path's first step."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from wsgiref.util import FileWrapper

import flask
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

import koala_middleware as koala
from koala_middleware.contrib.flask import KoalaMiddleware as FlaskMiddleware
from koala_middleware.wsgi import KoalaMiddleware
from tests.storm.kinds import CHUNK_SIZE, CHUNKS, UNCARRIED
from tests.storm.options import OPTIONS, SETTINGS
from tests.storm.tracking import (
    FILE,
    PAUSE,
    ViewError,
    pool,
    pooled,
    sync_outside,
    track,
    track_anonymously,
    track_later,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def act(kind: str, ref: str) -> None:
    """Do all that a request of this kind does before its response."""
    time.sleep(PAUSE)
    (track_anonymously if kind == "anonymous" else track)(ref, "view")
    if kind == "pool":
        # First, so that it may be what starts one of the pool's threads.
        calls = [pool.submit(track, ref, UNCARRIED)]
        calls += [pool.submit(koala.carry(track), *call) for call in pooled(ref)]
        for done in calls:
            done.result()
    elif kind == "background":
        pool.submit(koala.carry(track_later), ref)
    elif kind == "nested":
        sync_outside(ref)
    elif kind in ("fails", "errorpage"):
        raise ViewError


class Body:
    """A body that tracks in each chunk and in close()."""

    def __init__(self, kind: str, ref: str) -> None:
        self.kind = kind
        self.ref = ref

    def __iter__(self) -> Iterator[bytes]:
        for number in range(CHUNKS[self.kind]):
            time.sleep(PAUSE)
            track(self.ref, f"chunk{number}")
            yield b"." * CHUNK_SIZE[self.kind]
        if self.kind == "breaks":
            raise ViewError

    def close(self) -> None:
        track(self.ref, "close")


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    _, _, kind, ref = environ["PATH_INFO"].split("/")
    act(kind, ref)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    if kind == "file":
        # Not every server has one, so PEP 3333 wants a way without.
        file: Iterable[bytes] = environ.get("wsgi.file_wrapper", FileWrapper)(FILE.open("rb"))
        return file
    return Body(kind, ref) if kind in CHUNKS else [b"done"]


flask_site = flask.Flask(__name__)
flask_site.wsgi_app = FlaskMiddleware(flask_site.wsgi_app, **OPTIONS)  # type: ignore[method-assign]


@flask_site.post("/flask/<kind>/<ref>")
def flask_view(kind: str, ref: str) -> flask.typing.ResponseReturnValue:
    act(kind, ref)
    if kind == "file":
        return flask.send_file(FILE)
    return flask.Response(Body(kind, ref)) if kind in CHUNKS else "done"


@flask_site.errorhandler(500)
def flask_error_page(error: Exception) -> tuple[str, int]:
    track((flask.request.view_args or {})["ref"], "page")
    return "sorry", 500


def django_view(request: HttpRequest, kind: str, ref: str) -> HttpResponseBase:
    act(kind, ref)
    if kind == "file":
        return FileResponse(FILE.open("rb"))
    return StreamingHttpResponse(Body(kind, ref)) if kind in CHUNKS else HttpResponse("done")


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a failed request; Django finds this by its name."""
    track(request.path.split("/")[-1], "page")
    return HttpResponse("sorry", status=500)


urlpatterns = [path("django/<kind>/<ref>", django_view)]

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["koala_middleware.contrib.django.KoalaMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="storm",
    **SETTINGS,
)

SITES: dict[str, WSGIApplication] = {
    "bare": KoalaMiddleware(bare, **OPTIONS),
    "flask": flask_site,
    "django": get_wsgi_application(),
}


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    site = SITES.get(environ["PATH_INFO"].split("/")[1])
    if site is None:  # whether the server is up
        start_response("200 OK", [("Content-Length", "2")])
        return [b"up"]
    return site(environ, start_response)
