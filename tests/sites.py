"""Small sites: an application of each framework that does what a ``Site`` says."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flask
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import re_path
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

import koala_middleware.asgi
import koala_middleware.contrib.flask
import koala_middleware.contrib.starlette
import koala_middleware.wsgi
from koala_middleware import Visitor
from tests.serving import Headers


@dataclass
class Site:
    """What the site does, and the result."""

    view: Callable[[], object]
    options: dict[str, Any] = field(default_factory=dict)
    sets: Headers = field(default_factory=list)
    """Headers of the site's response."""
    status: int = 200
    after: list[tuple[Visitor | None, Visitor | None]] = field(default_factory=list)
    """After each request, in the outermost code: who is current, and whose it says it was."""


def answer(site: Site, *responses: type) -> Any:
    """Return what the view does if it is a body, in pieces or not, or a response; else "fine"."""
    answer = site.view()
    return answer if isinstance(answer, (bytes, Iterator, *responses)) else b"fine"


async def asynchronous(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in body:
        await asyncio.sleep(0)
        yield chunk


def as_settings(options: dict[str, Any]) -> dict[str, Any]:
    return {f"KOALA_{name.upper()}": value for name, value in options.items()}


def wsgi(site: Site) -> Any:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        body = answer(site)
        start_response(f"{site.status} Fine", site.sets)
        return [body] if isinstance(body, bytes) else body

    return koala_middleware.wsgi.KoalaMiddleware(application, **site.options)


def asgi(site: Site) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = answer(site)
        headers = [(name.encode(), value.encode()) for name, value in site.sets]
        await send({"type": "http.response.start", "status": site.status, "headers": headers})
        for chunk in [body] if isinstance(body, bytes) else body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    return koala_middleware.asgi.KoalaMiddleware(application, **site.options)


def flask_site(site: Site) -> flask.Flask:
    app = flask.Flask(__name__)
    app.testing = True  # so that exceptions pass

    @app.get("/")
    @app.get("/<path:path>")
    def view(path: str = "") -> flask.Response:
        given = answer(site, flask.Response)
        if isinstance(given, flask.Response):
            return given
        return flask.Response(given, status=site.status, headers=site.sets)

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
        body = answer(site)
        if isinstance(body, Iterator):
            return StreamingResponse(asynchronous(body))
        response = Response(body, status_code=site.status)
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


def django_response(site: Site, is_async: bool) -> Any:
    given = answer(site, HttpResponseBase)
    if isinstance(given, HttpResponseBase):
        return given
    if isinstance(given, Iterator):
        return StreamingHttpResponse(asynchronous(given) if is_async else given)
    response = HttpResponse(given, status=site.status)
    for name, value in site.sets:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    return response


class TidyASGIHandler(ASGIHandler):
    async def read_body(self, receive: Any) -> Any:
        await receive()
        return io.BytesIO()  # Django leaves its temporary file open when an exception passes


def django_urls(site: Site, is_async: bool) -> Any:
    async def async_view(request: Any) -> Any:
        return django_response(site, is_async)

    return (re_path("", async_view if is_async else lambda _: django_response(site, is_async)),)


def django_site(handler: type[Any], urls: Any) -> Any:
    """Make a handler whose middleware is built now and whose urls are its own."""
    app = handler()
    app.request_class = type(
        handler.request_class.__name__, (handler.request_class,), {"urlconf": urls}
    )
    return app


def django_wsgi(site: Site) -> Any:
    return django_site(WSGIHandler, django_urls(site, is_async=False))


def django_asgi(site: Site) -> Any:
    return django_site(TidyASGIHandler, django_urls(site, is_async=True))
