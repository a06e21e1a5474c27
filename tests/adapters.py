"""One small site for every adapter, driven the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import flask
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import AsyncClient as AsyncDjangoClient
from django.test import Client as DjangoClient
from django.test import override_settings
from django.urls import re_path
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from werkzeug.test import Client

import koala_middleware.asgi
import koala_middleware.contrib.flask
import koala_middleware.contrib.starlette
import koala_middleware.wsgi
from koala_middleware import Visitor
from tests.serving import Headers, asgi_request, builder_of, scope_of


@dataclass
class Site:
    """What the site does, and what came of it."""

    view: Callable[[], object]
    options: dict[str, Any] = field(default_factory=dict)
    sets: Headers = field(default_factory=list)
    """Headers of the site's response."""
    status: int = 200
    after: list[tuple[Visitor | None, Visitor | None]] = field(default_factory=list)
    """After each request, in the outermost code: who is current, and whose it says it was."""


def as_settings(options: dict[str, Any]) -> dict[str, Any]:
    return {f"KOALA_{name.upper()}": value for name, value in options.items()}


def wsgi(site: Site) -> Any:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        site.view()
        start_response(f"{site.status} Fine", site.sets)
        return [b"fine"]

    return koala_middleware.wsgi.KoalaMiddleware(application, **site.options)


def asgi(site: Site) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        site.view()
        headers = [(name.encode(), value.encode()) for name, value in site.sets]
        await send({"type": "http.response.start", "status": site.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"fine"})

    return koala_middleware.asgi.KoalaMiddleware(application, **site.options)


def flask_site(site: Site) -> flask.Flask:
    app = flask.Flask(__name__)
    app.testing = True  # so that exceptions pass

    @app.get("/")
    @app.get("/<path:path>")
    def view(path: str = "") -> flask.Response:
        site.view()
        return flask.Response("fine", status=site.status, headers=site.sets)

    return app


def flask_with_middleware(app: flask.Flask, **options: Any) -> flask.Flask:
    app.wsgi_app = koala_middleware.contrib.flask.KoalaMiddleware(app.wsgi_app, **options)  # type: ignore[method-assign]
    return app


def flask_with_extension(app: flask.Flask, **options: Any) -> flask.Flask:
    app.config.update(as_settings(options))
    koala_middleware.contrib.flask.Koala(app)
    return app


def flask_with_init_app(app: flask.Flask, **options: Any) -> flask.Flask:
    extension = koala_middleware.contrib.flask.Koala()
    app.config.from_mapping(as_settings(options))
    extension.init_app(app)
    return app


FLASK = {
    "flask": flask_with_middleware,
    "flask-extension": flask_with_extension,
    "flask-init_app": flask_with_init_app,
}


def starlette_routes(site: Site) -> list[BaseRoute]:
    async def view(request: Any) -> Response:
        site.view()
        response = Response("fine", status_code=site.status)
        for name, value in site.sets:
            response.headers.append(name, value)
        return response

    return [Route("/{path:path}", view)]


def starlette_with_add(routes: list[BaseRoute], **options: Any) -> Starlette:
    app = Starlette(routes=routes)
    app.add_middleware(koala_middleware.contrib.starlette.KoalaMiddleware, **options)
    return app


def starlette_with_list(routes: list[BaseRoute], **options: Any) -> Starlette:
    ours = Middleware(koala_middleware.contrib.starlette.KoalaMiddleware, **options)
    return Starlette(routes=routes, middleware=[ours])


def starlette_wrapped(routes: list[BaseRoute], **options: Any) -> Any:
    app = Starlette(routes=routes)
    return koala_middleware.contrib.starlette.KoalaMiddleware(app, **options)


def fastapi_with_add(routes: list[BaseRoute], **options: Any) -> FastAPI:
    app = FastAPI(routes=routes)
    app.add_middleware(koala_middleware.contrib.starlette.KoalaMiddleware, **options)
    return app


STARLETTE = {
    "starlette": starlette_with_add,
    "starlette-list": starlette_with_list,
    "starlette-wrapped": starlette_wrapped,
    "fastapi": fastapi_with_add,
}


def django_response(site: Site) -> HttpResponse:
    response = HttpResponse("fine", status=site.status)
    for name, value in site.sets:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    return response


def django_handler(handler: type[Any], view: Any) -> Any:
    """Make a handler whose middleware is built now and whose urls are its own."""

    class Urls:
        urlpatterns: ClassVar = [re_path("", view)]

    settings.ROOT_URLCONF = Urls
    return handler()


def django_wsgi(site: Site) -> Any:
    def view(request: Any) -> HttpResponse:
        site.view()
        return django_response(site)

    return django_handler(WSGIHandler, view)


def django_asgi(site: Site) -> Any:
    async def view(request: Any) -> HttpResponse:
        site.view()
        return django_response(site)

    return django_handler(ASGIHandler, view)


def site_of(framework: Callable[[Site], Any], add: Callable[..., Any]) -> Callable[[Site], Any]:
    return lambda site: add(framework(site), **site.options)


WSGI = {
    "wsgi": wsgi,
    **{name: site_of(flask_site, add) for name, add in FLASK.items()},
    "django-wsgi": django_wsgi,
}
ASGI = {
    "asgi": asgi,
    **{name: site_of(starlette_routes, add) for name, add in STARLETTE.items()},
    "django-asgi": django_asgi,
}
CLIENTS = {"django-client": django_wsgi, "django-async-client": django_asgi}
"""Django's own, which are no servers: they take a shorter way to its middleware."""

ADAPTERS = ["wsgi", "flask", "flask-extension", "django-wsgi", "asgi", "starlette", "django-asgi"]
SERVED = [*WSGI, *ASGI]
"""The adapters, in every way in which they are put into an application."""


def request(
    adapter: str,
    site: Site,
    url: str = "http://site.test/page",
    cookies: Iterable[str] = (),
    **headers: str,
) -> Headers:
    """Send a request to a site and return the headers of the response.

    Header names are written as keywords: ``user_agent=…``. A request over ASGI may have several
    headers for its cookies, as HTTP/2 has them.
    """
    with override_settings(**settings_for(site)):
        builder = builder_of(url, headers)
        environ = builder.get_environ()
        scope = scope_of(environ, cookies)
        if adapter in WSGI:
            app = wsgi_outermost(WSGI[adapter](site), site)
            return list(Client(app, use_cookies=False).open(builder).headers.items())
        if adapter in ASGI:
            return asyncio.run(asgi_request(asgi_outermost(ASGI[adapter](site), site), scope))
        CLIENTS[adapter](site)
        if adapter == "django-client":
            response: Any = DjangoClient(raise_request_exception=False).request(**environ)
        else:
            client: Any = AsyncDjangoClient(raise_request_exception=False)
            response = asyncio.run(client.request(**scope))
        set_cookies = [("Set-Cookie", each.OutputString()) for each in response.cookies.values()]
        return [*response.items(), *set_cookies]


def settings_for(site: Site) -> dict[str, Any]:
    """Return the settings with which Django serves a site."""
    return {
        "MIDDLEWARE": ["koala_middleware.contrib.django.KoalaMiddleware"],
        "ROOT_URLCONF": None,
        "ALLOWED_HOSTS": ["*"],
        **as_settings(site.options),
    }


def wsgi_outermost(app: Any, site: Site) -> Any:
    def outermost(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return app(environ, start_response)
        finally:
            site.after.append((koala_middleware.current_visitor(), environ.get("koala.visitor")))

    return outermost


def asgi_outermost(app: Any, site: Site) -> Any:
    async def outermost(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        finally:
            site.after.append((koala_middleware.current_visitor(), scope.get("koala")))

    return outermost
