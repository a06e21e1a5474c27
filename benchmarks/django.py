"""Django, sync and async: a middleware around a view, called as Django's handlers call it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import django
from asgiref.sync import markcoroutinefunction
from django.conf import settings

from benchmarks import floor, peers
from benchmarks.asgi import run
from benchmarks.inputs import COOKIES, make_environ, make_scope
from benchmarks.measure import Row


def _set_up() -> None:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], POSTHOG_MW_CLIENT=peers.posthog_client)
        django.setup()


def rows() -> Iterator[Row]:
    _set_up()
    from django.core.handlers.asgi import ASGIRequest
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpResponse
    from posthog.integrations.django import PosthogContextMiddleware

    from koala_middleware.contrib.django import KoalaMiddleware

    class Response(HttpResponse):
        def close(self) -> None:
            """Do not tell the signal's receivers, whose work has nothing to do with ours."""

    response = Response(b"Welcome!")

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

    body = io.BytesIO()
    for group, app, by_hand, make, call in (
        ("Django, sync", view, floor.django_floor, make_environ, handle),
        ("Django, async", async_view, floor.async_django_floor, make_scope, run_async),
    ):
        wrapped = {
            "bare": app,
            "nothing": floor.django_nothing(app),
            "floor": by_hand(app),
            "us": KoalaMiddleware(app),
            peers.POSTHOG: PosthogContextMiddleware(app),
        }
        for case, cookies in COOKIES.items():
            raw = make(cookies)
            for name, middleware in wrapped.items():
                yield Row(group, case, name, partial(call, middleware, raw))
