"""The sites under load: one trivial page each, with the middleware if ``WITH_KOALA`` is set."""

from __future__ import annotations

import os
from typing import Any

WITH_KOALA = bool(os.environ.get("WITH_KOALA"))


def starlette_site() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from koala_middleware.contrib.starlette import KoalaMiddleware

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("Welcome!")

    app = Starlette(routes=[Route("/", page)])
    if WITH_KOALA:
        app.add_middleware(KoalaMiddleware)
    return app


def flask_site() -> Any:
    from flask import Flask

    from koala_middleware.contrib.flask import KoalaMiddleware

    app = Flask("site")
    app.add_url_rule("/", view_func=lambda: "Welcome!")
    if WITH_KOALA:
        app.wsgi_app = KoalaMiddleware(app.wsgi_app)  # type: ignore[method-assign]
    return app


def django_site() -> Any:
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse("Welcome!")

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=(path("", page),),
        SECRET_KEY="for no session",
        MIDDLEWARE=["koala_middleware.contrib.django.KoalaMiddleware"] if WITH_KOALA else [],
    )
    django.setup()
    return WSGIHandler()
