"""One view of Django's, sync and async, and the ways to request it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import (
    HttpRequest,
    HttpResponse,
)
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import sync_only_middleware
from starlette.testclient import TestClient
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client as WSGIClient

import koala_middleware as koala
from tests.visitors import track

KOALA = "koala_middleware.contrib.django.KoalaMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"


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


@sync_only_middleware
def synchronous(get_response: Callable[[HttpRequest], HttpResponse]) -> View:
    def middleware(request: HttpRequest) -> HttpResponse:
        track("synchronous middleware")
        return get_response(request)

    return middleware


SYNCHRONOUS = f"{__name__}.synchronous"


class TrackingResponse(HttpResponse):
    def close(self) -> None:
        track("close")
        super().close()
