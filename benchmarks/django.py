"""Requests to a Django view, sync and async, called the way Django's handlers call it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import django
from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from benchmarks import floor
from benchmarks.asgi import run
from benchmarks.inputs import make_environ, make_scope
from benchmarks.rows import Row, Wrap, rows_of
from koala_middleware.contrib.django import KoalaMiddleware

_BODY = io.BytesIO()


class _Response(HttpResponse):
    def close(self) -> None:
        """Skip the signal, whose receivers' work has nothing to do with ours."""


def _request(middleware: Any, environ: dict[str, Any]) -> None:
    middleware(WSGIRequest(environ.copy())).close()


def _async_request(middleware: Any, scope: dict[str, Any]) -> None:
    async def handle() -> None:
        request = ASGIRequest({**scope, "headers": scope["headers"].copy()}, _BODY)
        (await middleware(request)).close()

    run(handle())


def rows(peers: Mapping[str, Wrap]) -> Iterator[Row]:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    response = _Response(b"Welcome!")

    def view(request: Any) -> Any:
        return response

    async def async_view(request: Any) -> Any:
        return response

    markcoroutinefunction(async_view)
    wraps = {"floor": floor.django_floor, "us": KoalaMiddleware, **peers}
    yield from rows_of("Django, sync", _request, view, make_environ, wraps)
    wraps["floor"] = floor.async_django_floor
    yield from rows_of("Django, async", _async_request, async_view, make_scope, wraps)
