"""Requests to a Django view, sync and async, called the way Django's handlers call it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import django
from asgiref.sync import markcoroutinefunction
from django.conf import settings

from benchmarks import floor
from benchmarks.asgi import run
from benchmarks.inputs import COOKIES, make_environ, make_scope
from benchmarks.measure import Row


def rows(peers: Mapping[str, Callable[[Any], Any]]) -> Iterator[Row]:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    from django.core.handlers.asgi import ASGIRequest
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpResponse

    from koala_middleware.contrib.django import KoalaMiddleware

    class Response(HttpResponse):
        def close(self) -> None:
            """Skip the signal, whose receivers' work has nothing to do with ours."""

    response, body = Response(b"Welcome!"), io.BytesIO()

    def view(request: Any) -> Any:
        return response

    async def async_view(request: Any) -> Any:
        return response

    markcoroutinefunction(async_view)

    def handle(middleware: Any, environ: dict[str, Any]) -> None:
        middleware(WSGIRequest(environ.copy())).close()

    async def handle_async(middleware: Any, scope: dict[str, Any]) -> None:
        request = ASGIRequest({**scope, "headers": scope["headers"].copy()}, body)
        (await middleware(request)).close()

    def run_async(middleware: Any, scope: dict[str, Any]) -> None:
        run(handle_async(middleware, scope))

    for kind, app, by_hand, make, call in (
        ("sync", view, floor.django_floor, make_environ, handle),
        ("async", async_view, floor.async_django_floor, make_scope, run_async),
    ):
        wraps = {"bare": lambda app: app, "floor": by_hand, "us": KoalaMiddleware, **peers}
        for cookies, header in COOKIES.items():
            for name, wrap in wraps.items():
                yield Row(
                    f"Django, {kind}, {cookies}", name, partial(call, wrap(app), make(header))
                )
