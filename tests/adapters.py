"""One small site for every adapter, driven the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import flask
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from werkzeug.test import Client, EnvironBuilder

import koala_middleware.asgi
import koala_middleware.contrib.flask
import koala_middleware.contrib.starlette
import koala_middleware.wsgi

Headers = list[tuple[str, str]]


@dataclass
class Site:
    """What the site does, and what came of it."""

    view: Callable[[], object]
    options: dict[str, Any] = field(default_factory=dict)
    sets: Headers = field(default_factory=list)
    """Headers of the site's response."""
    status: int = 200

    async def async_view(self) -> None:
        self.view()


def as_settings(site: Site) -> dict[str, Any]:
    return {f"KOALA_{name.upper()}": value for name, value in site.options.items()}


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

    @app.get("/")
    @app.get("/<path:path>")
    def view(path: str = "") -> flask.Response:
        site.view()
        return flask.Response("fine", status=site.status, headers=site.sets)

    return app


def flask_wsgi_app(site: Site) -> Any:
    app = flask_site(site)
    app.wsgi_app = koala_middleware.contrib.flask.KoalaMiddleware(app.wsgi_app, **site.options)  # type: ignore[method-assign]
    return app


def flask_extension(site: Site) -> Any:
    app = flask_site(site)
    app.config.update(as_settings(site))
    koala_middleware.contrib.flask.Koala(app)
    return app


def starlette(site: Site) -> Any:
    async def view(request: Any) -> Response:
        site.view()
        response = Response("fine", status_code=site.status)
        for name, value in site.sets:
            response.headers.append(name, value)
        return response

    app = Starlette(routes=[Route("/{path:path}", view)])
    app.add_middleware(koala_middleware.contrib.starlette.KoalaMiddleware, **site.options)
    return app


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


WSGI = {
    "wsgi": wsgi,
    "flask": flask_wsgi_app,
    "flask-extension": flask_extension,
    "django-wsgi": django_wsgi,
}
ASGI = {"asgi": asgi, "starlette": starlette, "django-asgi": django_asgi}
ADAPTERS = [*WSGI, *ASGI]


def request(
    adapter: str, site: Site, url: str = "http://site.test/page", **headers: str
) -> Headers:
    """Send a request to a site and return the headers of the response.

    Header names are written as keywords: ``user_agent=…``.
    """
    with override_settings(**settings_for(site)):
        builder = _builder(url, headers)
        if adapter in WSGI:
            response = Client(WSGI[adapter](site), use_cookies=False).open(builder)
            return list(response.headers.items())
        return asyncio.run(asgi_request(ASGI[adapter](site), builder.get_environ()))


def settings_for(site: Site) -> dict[str, Any]:
    """Return the settings with which Django serves a site."""
    return {
        "MIDDLEWARE": ["koala_middleware.contrib.django.KoalaMiddleware"],
        "ROOT_URLCONF": None,
        "ALLOWED_HOSTS": ["*"],
        **as_settings(site),
    }


def environ_of(url: str = "http://site.test/page", **headers: str) -> dict[str, Any]:
    """Return the environ of a request for ``url``."""
    return _builder(url, headers).get_environ()


def _builder(url: str, headers: dict[str, str]) -> EnvironBuilder:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    named: Any = {name.replace("_", "-"): value for name, value in headers.items()}
    return EnvironBuilder(
        path=slash + path,
        base_url=f"{scheme}://{host}/",
        headers=named,
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )


async def asgi_request(app: Any, environ: dict[str, Any]) -> Headers:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(),
        "raw_path": environ["PATH_INFO"].encode("latin-1"),
        "root_path": "",
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": headers,
        "client": (environ["REMOTE_ADDR"], 4711),
        "server": ("site.test", 80),
    }
    communicator: Any = cast(Any, ApplicationCommunicator)(app, scope)
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output()
    await communicator.receive_output()
    await communicator.wait()
    return [(name.decode(), value.decode()) for name, value in start["headers"]]
