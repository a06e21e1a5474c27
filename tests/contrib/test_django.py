"""The Django plugin, behind Django's own handlers and test clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.handlers.wsgi import WSGIRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseServerError,
)
from django.test import Client, override_settings
from werkzeug.test import create_environ

import koala_middleware as koala
from koala_middleware.contrib.django import KoalaMiddleware
from tests.django_site import (
    KOALA,
    SYNCHRONOUS,
    Get,
    Serve,
    View,
    async_view,
    failing_async_view,
    failing_view,
    get_asgi,
    get_wsgi,
    sync_view,
    views,
    ways_in,
)
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]


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
