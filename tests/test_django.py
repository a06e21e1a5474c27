"""The Django plugin, behind Django's own handlers and test clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.exceptions import ImproperlyConfigured
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
def test_every_way_to_track(
    get: Get, serve: Serve, events: Events, sign_up: Callable[[], Any]
) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        sign_up()
        return HttpResponse()

    serve(view)
    get(**cookie(ALICE))
    assert profile_ids(events) == {"Signed Up": ALICE}
    assert events[0]["userId"] == "u1"


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
    def content() -> Iterator[bytes]:
        track("chunk 1")
        yield b"1"
        track("chunk 2")
        yield b"2"
        track("end")

    return StreamingHttpResponse(content())


async def async_streaming_view(request: HttpRequest) -> HttpResponseBase:
    async def content() -> AsyncIterator[bytes]:
        track("chunk 1")
        yield b"1"
        await asyncio.sleep(0)
        track("chunk 2")
        yield b"2"
        track("end")

    return StreamingHttpResponse(content())


EACH_CHUNK = {"chunk 1": ALICE, "chunk 2": ALICE, "end": ALICE}

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


def test_environ_tells_after_the_request(serve: Serve) -> None:
    serve(failing_view)
    environ = create_environ(headers=cookie(ALICE))
    body: Any = WSGIHandler()(environ, start_response)
    body.close()
    assert environ["koala.visitor"].profile_id == ALICE


def test_scope_tells_after_the_request(serve: Serve) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await ASGIHandler()(scope, receive, send)
        scopes.append(scope)

    serve(failing_view)
    TestClient(app).get("/", headers=cookie(ALICE))
    assert scopes[0]["koala"].profile_id == ALICE


# Cookies


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("cookie", f"a=1; ko_id={ALICE}")], id="one"),
        pytest.param([("cookie", "a=1"), ("cookie", f"ko_id={ALICE}")], id="last"),
        pytest.param([("cookie", f"ko_id={ALICE}"), ("cookie", "a=1")], id="first"),
        pytest.param(
            [("cookie", "a=1"), ("cookie", f"ko_id={ALICE}"), ("cookie", "b=2")], id="middle"
        ),
        pytest.param([("cookie", 'x={"a":1}'), ("cookie", f"ko_id={ALICE}")], id="odd neighbour"),
    ],
)
def test_cookie_header_in_pieces(
    headers: list[tuple[str, str]], serve: Serve, events: Events
) -> None:
    """HTTP/2 clients may send it so, and Django 5.2 joins the pieces with commas."""
    serve(async_view)
    asgi_client().get("/", headers=headers)
    assert profile_ids(events) == {"view": ALICE}


def test_cookie_set_on_djangos_test_client(serve: Serve, events: Events) -> None:
    serve(sync_view)
    client = Client()
    client.cookies["ko_id"] = BOB
    client.get("/")
    assert profile_ids(events) == {"view": BOB}


# Settings


@ways_in
def test_setting_cookie_name(get: Get, serve: Serve) -> None:
    serve(sync_view, KOALA_COOKIE_NAME="vid")
    assert get(Cookie=f"ko_id={BOB}; vid={ALICE}") == ALICE.encode()


@ways_in
def test_setting_property_name(get: Get, serve: Serve, events: Events) -> None:
    serve(sync_view, KOALA_PROPERTY_NAME="koala_id")
    get(**cookie(ALICE))
    assert events[0]["properties"] == {"koala_id": ALICE}


def shout(value: str) -> str:
    return value.upper()


@pytest.mark.parametrize("parse", [shout, f"{__name__}.shout"], ids=["function", "dotted path"])
@ways_in
def test_setting_parse(parse: object, get: Get, serve: Serve) -> None:
    serve(sync_view, KOALA_PARSE=parse)
    assert get(**cookie(ALICE)) == ALICE.upper().encode()


@ways_in
def test_setting_anonymous_id_cookie(get: Get, serve: Serve, events: Events) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        sign_up_anonymously()
        return HttpResponse()

    serve(view, KOALA_ANONYMOUS_ID_COOKIE="anon")
    get(Cookie="ajs_anonymous_id=a1; anon=a2")
    assert events[0]["anonymousId"] == "a2"


def sign_up_anonymously() -> None:
    import segment.analytics as analytics

    analytics.track(event="Signed Up")


def has_consent(request: HttpRequest) -> bool:
    return isinstance(request, HttpRequest) and request.COOKIES.get("consent") == "yes"


@pytest.mark.parametrize(
    "request_filter",
    [has_consent, f"{__name__}.has_consent"],
    ids=["function", "dotted path"],
)
@ways_in
def test_setting_request_filter(request_filter: object, get: Get, serve: Serve) -> None:
    serve(sync_view, KOALA_REQUEST_FILTER=request_filter)
    assert get(Cookie=f"consent=yes; ko_id={ALICE}") == ALICE.encode()
    assert get(Cookie=f"consent=no; ko_id={ALICE}") == b"nobody"


def broken_filter(request: HttpRequest) -> bool:
    raise LookupError(request.headers["Cookie"])


@ways_in
def test_failing_request_filter_means_nobody(
    get: Get, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    serve(sync_view, KOALA_REQUEST_FILTER=broken_filter)
    assert [get(**cookie(ALICE)), get(**cookie(BOB))] == [b"nobody", b"nobody"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    assert "request_filter" in caplog.text
    assert ALICE not in caplog.text


async def async_filter(request: HttpRequest) -> bool:
    return True


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        pytest.param("KOALA_COOKIE_NAME", "a b", "a cookie's name", id="cookie name"),
        pytest.param("KOALA_COOKIE_NAME", None, "a cookie's name", id="no cookie name"),
        pytest.param("KOALA_PROPERTY_NAME", "", "a property's name", id="empty property name"),
        pytest.param("KOALA_PROPERTY_NAME", 7, "a property's name", id="property name"),
        pytest.param("KOALA_PARSE", None, "a callable", id="no parse"),
        pytest.param("KOALA_PARSE", "nowhere.parse", "a callable", id="parse of no module"),
        pytest.param("KOALA_PARSE", "uuid.nothing", "a callable", id="parse not in its module"),
        pytest.param("KOALA_PARSE", "uuid", "a callable", id="parse without a dot"),
        pytest.param("KOALA_REQUEST_FILTER", True, "a callable", id="request filter"),
        pytest.param("KOALA_REQUEST_FILTER", async_filter, "a callable", id="async filter"),
        pytest.param("KOALA_REQUEST_FILTER", "no.where", "a callable", id="filter of no module"),
        pytest.param("KOALA_ANONYMOUS_ID_COOKIE", "a;b", "a cookie's name", id="anonymous id"),
    ],
)
@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
def test_wrong_setting(
    handler: Callable[[], object], setting: str, value: object, expected: str, serve: Serve
) -> None:
    """It fails when Django starts, and says which, what was expected and what came."""
    serve(sync_view, **{setting: value})
    with pytest.raises(ImproperlyConfigured) as raised:
        handler()
    message = str(raised.value)
    assert message.startswith(f"{setting} in the Django settings: expected {expected}")
    assert message.endswith(f"got {value!r}")


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
def test_unknown_setting(handler: Callable[[], object], serve: Serve) -> None:
    serve(sync_view, KOALA_COOKIE_NMAE="ko_id")
    with pytest.raises(
        ImproperlyConfigured, match=r"^KOALA_COOKIE_NMAE .*did you mean KOALA_COOKIE_NAME\?"
    ):
        handler()


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
