"""The Django plugin, behind Django's own handlers and test clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseServerError,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import sync_only_middleware
from starlette.testclient import TestClient
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client as WSGIClient
from werkzeug.test import create_environ

import koala_middleware as koala
from koala_middleware.contrib.django import KoalaMiddleware
from tests.streams import EACH_CHUNK, async_chunks, chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, start_response, track

KOALA = "koala_middleware.contrib.django.KoalaMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]
View = Callable[..., Any]
Serve = Callable[..., None]


@contextmanager
def serving(view: View, handler500: View | None = None, **changed: Any) -> Iterator[None]:
    """Make Django serve one view at ``/``, with whatever settings."""
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("", view)]
    if handler500 is not None:
        vars(urls)["handler500"] = handler500
    with override_settings(**{"ROOT_URLCONF": urls, "MIDDLEWARE": [KOALA], **changed}):
        yield


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return :func:`serving` as a call, which lasts until the test ends."""
    with ExitStack() as stack:
        yield lambda *args, **changed: stack.enter_context(serving(*args, **changed))


def sync_view(request: HttpRequest) -> HttpResponse:
    track("view")
    return HttpResponse(koala.get_profile_id() or "nobody")


async def async_view(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    track("view")
    return HttpResponse(koala.get_profile_id() or "nobody")


def failing_view(request: HttpRequest) -> HttpResponse:
    track("view")
    raise LookupError("no such thing")


async def failing_async_view(request: HttpRequest) -> HttpResponse:
    return failing_view(request)


views = pytest.mark.parametrize(
    "view", [pytest.param(sync_view, id="sync view"), pytest.param(async_view, id="async view")]
)


def get_wsgi(**headers: str) -> bytes:
    """Request ``/`` from Django's WSGI handler, between two linters."""
    app = LintMiddleware(WSGIHandler())
    client = WSGIClient(app, use_cookies=False)
    data: bytes = client.get("/", headers=headers, buffered=True).data
    return data


def asgi_client() -> Any:
    app: Any = ASGIHandler()
    return TestClient(app)


def get_asgi(**headers: str) -> bytes:
    """Request ``/`` from Django's ASGI handler."""
    headers = {"Accept-Encoding": "identity", **headers}
    content: bytes = asgi_client().get("/", headers=headers).content
    return content


def get_client(**headers: str) -> bytes:
    """Request ``/`` with Django's test client."""
    response: Any = Client(raise_request_exception=False).get("/", headers=headers)
    return response.getvalue() if response.streaming else response.content  # type: ignore[no-any-return]


def get_async_client(**headers: str) -> bytes:
    """Request ``/`` with Django's asynchronous test client."""

    async def get() -> bytes:
        client = AsyncClient(raise_request_exception=False)
        response: Any = await client.get("/", headers=headers)
        if response.streaming:
            return b"".join([chunk async for chunk in response])
        return response.content  # type: ignore[no-any-return]

    return asyncio.run(get())


Get = Callable[..., bytes]
ways_in = pytest.mark.parametrize(
    "get",
    [
        pytest.param(get_wsgi, id="WSGIHandler"),
        pytest.param(get_asgi, id="ASGIHandler"),
        pytest.param(get_client, id="Client"),
        pytest.param(get_async_client, id="AsyncClient"),
    ],
)


# Views


@ways_in
@views
def test_view(view: View, get: Get, serve: Serve, events: Events) -> None:
    serve(view)
    assert get(**cookie(ALICE)) == ALICE.encode()
    assert profile_ids(events) == {"view": ALICE}


@ways_in
@views
def test_view_of_nobody(view: View, get: Get, serve: Serve, events: Events) -> None:
    serve(view)
    assert get() == b"nobody"
    assert profile_ids(events) == {"view": None}


@ways_in
def test_view_between_threads_and_loops(get: Get, serve: Serve, events: Events) -> None:
    async def innermost() -> None:
        await asyncio.sleep(0)
        track("innermost")

    def inner() -> None:
        track("inner")
        async_to_sync(innermost)()

    async def view(request: HttpRequest) -> HttpResponse:
        await sync_to_async(inner)()
        await sync_to_async(inner, thread_sensitive=False)()
        return HttpResponse()

    serve(view)
    get(**cookie(ALICE))
    assert profile_ids(events) == {"inner": ALICE, "innermost": ALICE}


@sync_only_middleware
def synchronous(get_response: Callable[[HttpRequest], HttpResponse]) -> View:
    def middleware(request: HttpRequest) -> HttpResponse:
        track("synchronous middleware")
        return get_response(request)

    return middleware


SYNCHRONOUS = f"{__name__}.synchronous"


@ways_in
@views
def test_synchronous_middleware_below(view: View, get: Get, serve: Serve, events: Events) -> None:
    serve(view, MIDDLEWARE=[KOALA, SYNCHRONOUS])
    get(**cookie(ALICE))
    assert profile_ids(events) == {"synchronous middleware": ALICE, "view": ALICE}


@ways_in
@views
def test_synchronous_middleware_above(view: View, get: Get, serve: Serve, events: Events) -> None:
    serve(view, MIDDLEWARE=[SYNCHRONOUS, KOALA])
    get(**cookie(ALICE))
    assert profile_ids(events) == {"synchronous middleware": None, "view": ALICE}


def test_coroutine_flag_is_that_of_what_is_below() -> None:
    """A wrong one makes Django call a view in the wrong way."""
    assert iscoroutinefunction(KoalaMiddleware(async_view))
    assert not iscoroutinefunction(KoalaMiddleware(sync_view))


# Streams


def streaming_view(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(chunks())


async def async_streaming_view(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(async_chunks())


stacks = pytest.mark.parametrize(
    "stack",
    [
        pytest.param([KOALA], id="alone"),
        pytest.param([GZIP, KOALA], id="gzip above"),
        pytest.param([KOALA, GZIP], id="gzip below"),
        pytest.param([SYNCHRONOUS, KOALA], id="synchronous above"),
        pytest.param([KOALA, SYNCHRONOUS], id="synchronous below"),
    ],
)


@stacks
@pytest.mark.parametrize("get", [get_wsgi, get_client])
def test_stream(get: Get, stack: list[str], serve: Serve, events: Events) -> None:
    serve(streaming_view, MIDDLEWARE=stack)
    assert get(**cookie(ALICE)) == b"12"
    assert EACH_CHUNK.items() <= profile_ids(events).items()


@stacks
@pytest.mark.parametrize("get", [get_asgi, get_async_client])
def test_async_stream(get: Get, stack: list[str], serve: Serve, events: Events) -> None:
    serve(async_streaming_view, MIDDLEWARE=stack)
    assert get(**cookie(ALICE)) == b"12"
    assert EACH_CHUNK.items() <= profile_ids(events).items()


def test_gzipped_stream(serve: Serve, events: Events) -> None:
    serve(streaming_view, MIDDLEWARE=[GZIP, KOALA])
    get_wsgi(**cookie(ALICE), **{"Accept-Encoding": "gzip"})
    assert profile_ids(events) == EACH_CHUNK


def test_gzipped_async_stream(serve: Serve, events: Events) -> None:
    serve(async_streaming_view, MIDDLEWARE=[GZIP, KOALA])
    get_asgi(**cookie(ALICE), **{"Accept-Encoding": "gzip"})
    assert profile_ids(events) == EACH_CHUNK


def test_stream_under_asgi(serve: Serve, events: Events) -> None:
    serve(streaming_view)
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        assert get_asgi(**cookie(ALICE)) == b"12"
    assert profile_ids(events) == EACH_CHUNK


def test_async_stream_under_wsgi(serve: Serve, events: Events) -> None:
    serve(async_streaming_view)
    with pytest.warns(Warning, match="must consume asynchronous iterators"):
        assert get_wsgi(**cookie(ALICE)) == b"12"
    assert profile_ids(events) == EACH_CHUNK


def test_stream_that_is_left_early(serve: Serve, events: Events) -> None:
    def view(request: HttpRequest) -> HttpResponseBase:
        def content() -> Iterator[bytes]:
            try:
                yield b"1"
            finally:
                track("left")

        return StreamingHttpResponse(content())

    serve(view)
    response: Any = WSGIHandler()(create_environ(headers=cookie(ALICE)), start_response)
    assert next(iter(response)) == b"1"
    response.close()
    assert profile_ids(events) == {"left": ALICE}


def test_file_is_sent_by_the_server(serve: Serve, events: Events, tmp_path: Path) -> None:
    """Django hands a FileResponse's file to the server's file wrapper, and so may sendfile()."""
    file = tmp_path / "file.txt"
    file.write_text("content")
    responses: list[Any] = []

    def view(request: HttpRequest) -> FileResponse:
        responses.append(TrackingFileResponse(file.open("rb")))
        return responses[0]  # type: ignore[no-any-return]

    serve(view)
    environ = create_environ(headers=cookie(ALICE))
    environ["wsgi.file_wrapper"] = FileWrapper
    body: Any = WSGIHandler()(environ, start_response)
    assert isinstance(body, FileWrapper)
    assert body.filelike is responses[0].file_to_stream
    assert b"".join(body) == b"content"
    body.close()
    assert responses[0].closed
    assert profile_ids(events) == {"close": ALICE}


class TrackingResponse(HttpResponse):
    def close(self) -> None:
        track("close")
        super().close()


class TrackingFileResponse(FileResponse):
    def close(self) -> None:
        track("close")
        super().close()


def test_file_without_a_file_wrapper(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("content")
    serve(lambda request: FileResponse(file.open("rb")))
    assert get_client(**cookie(ALICE)) == b"content"
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        assert get_asgi(**cookie(ALICE)) == b"content"


# After the response


@ways_in
def test_response_close(get: Get, serve: Serve, events: Events) -> None:
    serve(lambda request: TrackingResponse())
    get(**cookie(ALICE))
    assert profile_ids(events) == {"close": ALICE}


@ways_in
def test_request_finished(get: Get, serve: Serve, events: Events) -> None:
    serve(sync_view)

    def finished(**kwargs: Any) -> None:
        track("finished")

    request_finished.connect(finished)
    try:
        get(**cookie(ALICE))
    finally:
        request_finished.disconnect(finished)
    assert profile_ids(events) == {"view": ALICE, "finished": ALICE}


def test_response_keeps_no_trace_of_its_close() -> None:
    """The wrapped close() and its response are a cycle, which would wait for the collector."""
    response: Any = KoalaMiddleware(sync_view)(HttpRequest())
    response.close()
    assert "close" not in vars(response)


# Errors


@pytest.mark.parametrize("view", [failing_view, failing_async_view])
@ways_in
def test_failing_view_of_nobody_after_that_of_somebody(
    view: View, get: Get, serve: Serve, events: Events
) -> None:
    def server_error(request: HttpRequest) -> HttpResponse:
        track("500")
        return HttpResponseServerError()

    serve(view, server_error)
    get(**cookie(ALICE))
    get()
    assert [profile_ids([event]) for event in events] == [
        {"view": ALICE},
        {"500": ALICE},
        {"view": None},
        {"500": None},
    ]


def test_exception_passes_unchanged() -> None:
    error = LookupError()

    def get_response(request: HttpRequest) -> HttpResponse:
        raise error

    async def async_get_response(request: HttpRequest) -> HttpResponse:
        raise error

    with pytest.raises(LookupError) as raised:
        KoalaMiddleware(get_response)(HttpRequest())
    assert raised.value is error
    with pytest.raises(LookupError) as raised:
        asyncio.run(KoalaMiddleware(async_get_response)(HttpRequest()))  # type: ignore[arg-type]
    assert raised.value is error


def failing_after(get_response: Callable[[HttpRequest], HttpResponse]) -> View:
    def middleware(request: HttpRequest) -> HttpResponse:
        get_response(request)
        raise LookupError

    return middleware


@ways_in
def test_request_tells_an_outer_error_handler(get: Get, serve: Serve) -> None:
    visitors: list[str | None] = []

    def server_error(request: Any) -> HttpResponse:
        visitors.append(request.koala.profile_id)
        return HttpResponseServerError()

    serve(sync_view, server_error, MIDDLEWARE=[f"{__name__}.failing_after", KOALA])
    get(**cookie(ALICE))
    assert visitors == [ALICE]


def visitor_view(request: Any) -> HttpResponse:
    return HttpResponse(str(request.koala.profile_id))


async def async_visitor_view(request: Any) -> HttpResponse:
    return visitor_view(request)


@pytest.mark.parametrize("view", [visitor_view, async_visitor_view])
@ways_in
def test_request_of_a_switched_off_middleware(view: View, get: Get, serve: Serve) -> None:
    """Templates and access logs read its visitor."""
    serve(view, KOALA_ENABLED=False)
    assert get(**cookie(ALICE)) == b"None"


# Cookies


def test_cookie_set_on_djangos_test_client(serve: Serve, events: Events) -> None:
    serve(sync_view)
    client = Client()
    client.cookies["ko_id"] = BOB
    client.get("/")
    assert profile_ids(events) == {"view": BOB}


# Settings


def shout(value: str) -> str:
    return value.upper()


@ways_in
def test_dotted_path_of_parse(get: Get, serve: Serve) -> None:
    serve(sync_view, KOALA_PARSE=f"{__name__}.shout")
    assert get(**cookie(ALICE)) == ALICE.upper().encode()


def has_consent(request: HttpRequest) -> bool:
    return isinstance(request, HttpRequest) and request.COOKIES.get("consent") == "yes"


@ways_in
def test_dotted_path_of_request_filter(get: Get, serve: Serve) -> None:
    serve(sync_view, KOALA_REQUEST_FILTER=f"{__name__}.has_consent")
    assert get(Cookie=f"consent=yes; ko_id={ALICE}") == ALICE.encode()
    assert get(Cookie=f"consent=no; ko_id={ALICE}") == b"nobody"


def test_request_stays_itself_in_an_environ_that_is_used_again(events: Events) -> None:
    """As uWSGI's is; a background thread may still work for the request before."""

    def view(request: HttpRequest) -> HttpResponse:
        carried.append(koala.carry(lambda: track("later")))
        return HttpResponse("done")

    carried: list[Callable[[], object]] = []
    environ = create_environ("/alice")
    with override_settings(KOALA_CONTEXT={"page"}, KOALA_EMAIL=lambda request: request.path):
        middleware = KoalaMiddleware(view)
        middleware(WSGIRequest(environ)).close()  # type: ignore[union-attr]
    environ.clear()
    environ["PATH_INFO"] = "/bob"
    carried[0]()
    assert events[0]["context"]["page"]["path"] == "/alice"
    assert events[0]["properties"]["email"] == "/alice"


cookies: list[str] = []


def note_cookie(get_response: Callable[[HttpRequest], HttpResponse]) -> View:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        cookies.append(response.cookies["ko_id"].OutputString())
        return response

    return middleware


@pytest.mark.parametrize("get", [get_wsgi, get_asgi])
def test_scheme_is_that_of_django(get: Get, serve: Serve, events: Events) -> None:
    """Behind a proxy that ends TLS, SECURE_PROXY_SSL_HEADER says what the browser sees."""

    def view(request: HttpRequest) -> HttpResponse:
        track("view")
        return HttpResponse()

    mint = koala.Mint(samesite="None", when=lambda request: True)
    serve(
        view,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        MIDDLEWARE=[f"{__name__}.note_cookie", KOALA],
        KOALA_MINT=mint,
        KOALA_CONTEXT=["page"],
    )
    get(**{"X-Forwarded-Proto": "https"})
    assert "; Secure" in cookies.pop()
    assert events[0]["context"]["page"]["url"].startswith("https://")
