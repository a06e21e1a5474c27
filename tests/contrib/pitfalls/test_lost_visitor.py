"""Faults that lost the visitor of a request."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asgiref.sync
import flask
import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import koala_middleware as koala
from koala_middleware import asgi
from koala_middleware.contrib import django as koala_django
from koala_middleware.contrib import starlette as koala_starlette
from tests.contrib.pitfalls.visits import (
    ApplicationError,
    all_sites,
    app_of,
    environ_of,
    fail,
    request_of,
    respond,
    scope_of,
    visit,
    who,
    who_twice,
    wsgi_sites,
)
from tests.sites import asynchronous
from tests.visitors import ALICE, cookie, start_response


@all_sites
def test_each_step_of_a_body_has_its_visitor(site: str) -> None:
    """OTel contrib #4681, elastic-apm #201, PostHog's Django and Flask integrations"""
    assert visit(site, who_twice, ALICE, None) == [(ALICE * 2, None), ("nobody" * 2, None)]


@wsgi_sites
def test_close_of_a_body_has_its_visitor(site: str) -> None:
    """OTel contrib #4681, elastic-apm #201"""
    closed_by: list[bytes] = []

    def stream() -> Iterator[bytes]:
        try:
            yield b"more"
        finally:
            closed_by.append(who())

    body = app_of(site, stream)(environ_of(ALICE), start_response)
    assert next(iter(body)) == b"more"
    body.close()
    assert closed_by == [ALICE.encode()]


@pytest.mark.parametrize("middleware", [asgi.KoalaMiddleware, koala_starlette.KoalaMiddleware])
def test_context_variables_of_the_application_reach_the_server(middleware: Any) -> None:
    """starlette #1081: BaseHTTPMiddleware runs the application in a task of its own."""
    access_log: contextvars.ContextVar[str] = contextvars.ContextVar("access_log", default="lost")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        access_log.set("kept")
        await PlainTextResponse("")(scope, receive, send)

    async def main() -> str:
        await respond(middleware(app), scope_of(ALICE))
        return access_log.get()

    assert asyncio.run(main()) == "kept"


@pytest.mark.parametrize("middleware", [asgi.KoalaMiddleware, koala_starlette.KoalaMiddleware])
def test_websocket_has_its_visitor(middleware: Any) -> None:
    """starlette #1081: BaseHTTPMiddleware does not see websockets."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_bytes(who())
        await websocket.close()

    client = TestClient(middleware(Starlette(routes=[WebSocketRoute("/", endpoint)])))
    with client.websocket_connect("/", headers=cookie(ALICE)) as websocket:
        assert websocket.receive_bytes() == ALICE.encode()


def test_copied_request_context_leaves_the_visitor_to_the_view() -> None:
    """OTel contrib #267, #868, flask-debugtoolbar: Flask runs teardown once for the copy, too."""

    def handler() -> bytes:
        copy = flask.copy_current_request_context(who)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy).result()
        copy()
        return who()

    assert visit("flask", handler, ALICE) == [(ALICE, None)]


@all_sites
def test_thread_of_a_pool_has_the_visitor_it_was_carried(site: str) -> None:
    """fastapi #953, #2776, sentry-python #1028"""

    def handler() -> bytes:
        with ThreadPoolExecutor(1) as pool:
            results = [pool.submit(koala.carry(who)).result(), pool.submit(who).result()]
        return b" ".join(results)

    assert visit(site, handler, ALICE) == [(f"{ALICE} nobody", None)]


def test_request_tells_an_outer_error_handler_of_django() -> None:
    """asgi-correlation-id #19, #55, starlette-context #74"""
    request = request_of(ALICE)

    def get_response(request: HttpRequest) -> HttpResponseBase:
        raise ApplicationError

    with pytest.raises(ApplicationError):
        koala_django.KoalaMiddleware(get_response)(request)
    assert request.koala.profile_id == ALICE


async def async_get_response(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(asynchronous(who_twice()))


def test_lazy_user_is_not_touched() -> None:
    """posthog-python #355: in async Django that is a query of the database where none may be."""
    request = request_of(ALICE)
    request.user = SimpleLazyObject(fail)

    async def main() -> None:
        middleware: Any = koala_django.KoalaMiddleware(async_get_response)
        response = await middleware(request)
        assert [chunk async for chunk in response] == [ALICE.encode()] * 2
        await asgiref.sync.sync_to_async(response.close)()

    asyncio.run(main())


def test_coroutine_flag_is_that_of_asgiref() -> None:
    """sentry-python #1014, django-permissions-policy #425: other flags mean nothing on 3.12."""
    is_async = asgiref.sync.iscoroutinefunction
    assert is_async(koala_django.KoalaMiddleware(async_get_response))
    assert not is_async(koala_django.KoalaMiddleware(lambda request: HttpResponse()))
    marked = koala_django.KoalaMiddleware(async_get_response)
    assert is_async(koala_django.KoalaMiddleware(marked))


@pytest.mark.parametrize("site", ["django-wsgi", "django-asgi"])
def test_close_of_a_django_response_has_its_visitor(site: str) -> None:
    """openedx/credentials, which tracks from HttpResponse.close()"""
    closed_by: list[bytes] = []

    class Tracking(HttpResponse):
        def close(self) -> None:
            closed_by.append(who())
            super().close()

    assert visit(site, Tracking, ALICE) == [("", None)]
    assert closed_by == [ALICE.encode()]
