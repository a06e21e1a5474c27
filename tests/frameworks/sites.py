"""Small sites in the frameworks that take our WSGI or ASGI middleware as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, cast

from asgiref.testing import ApplicationCommunicator
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path, re_path
from werkzeug import Response

import koala_middleware.asgi
import koala_middleware.wsgi
from tests.missing import needed
from tests.serving import environ_of, scope_of
from tests.sites import Site, answer, asynchronous, django_site

_numbers = count()


def falcon(site: Site) -> Any:
    falcon = needed("falcon")

    class View:
        def on_get(self, request: Any, response: Any, path: str) -> None:
            body = answer(site)
            if isinstance(body, bytes):
                response.data = body
            else:
                response.stream = body

    app = falcon.App()
    app.add_route("/{path:path}", View())
    return koala_middleware.wsgi.KoalaMiddleware(app, **site.options)


def falcon_asgi(site: Site) -> Any:
    falcon = needed("falcon.asgi")

    class View:
        async def on_get(self, request: Any, response: Any, path: str) -> None:
            body = answer(site)
            if isinstance(body, bytes):
                response.data = body
            else:
                response.stream = asynchronous(body)

    app = falcon.App()
    app.add_route("/{path:path}", View())
    return koala_middleware.asgi.KoalaMiddleware(app, **site.options)


def pyramid(site: Site) -> Any:
    config = needed("pyramid.config").Configurator()
    response = needed("pyramid.response")

    def view(request: Any) -> Any:
        body = answer(site)
        given = {"body": body} if isinstance(body, bytes) else {"app_iter": body}
        return response.Response(**given)

    config.add_route("page", "/{path:.*}")
    config.add_view(view, route_name="page")
    return koala_middleware.wsgi.KoalaMiddleware(config.make_wsgi_app(), **site.options)


def bottle(site: Site) -> Any:
    bottle = needed("bottle")
    app = bottle.Bottle()
    app.route("/<path:path>", callback=lambda path: answer(site))
    return koala_middleware.wsgi.KoalaMiddleware(app, **site.options)


def litestar(site: Site) -> Any:
    litestar = needed("litestar")
    from litestar.middleware import DefineMiddleware
    from litestar.response import Response, Stream

    async def view() -> Any:
        body = answer(site)
        return Response(body) if isinstance(body, bytes) else Stream(asynchronous(body))

    view.__annotations__["return"] = Response
    middleware: Any = koala_middleware.asgi.KoalaMiddleware
    ours = DefineMiddleware(middleware, **site.options)
    routes = [litestar.get("/{path:path}")(view)]
    # Its own configuration of logging would be that of all tests.
    return litestar.Litestar(routes, middleware=[ours], openapi_config=None, logging_config=None)


def quart(site: Site) -> Any:
    app = needed("quart").Quart(__name__)

    @app.get("/<path:path>")  # type: ignore[untyped-decorator]
    async def view(path: str) -> Any:
        body = answer(site)
        return body if isinstance(body, bytes) else asynchronous(body)

    app.asgi_app = koala_middleware.asgi.KoalaMiddleware(app.asgi_app, **site.options)
    return app


def blacksheep(site: Site) -> Any:
    blacksheep = needed("blacksheep")
    app = blacksheep.Application(router=blacksheep.Router())

    async def view() -> Any:
        body = answer(site)
        if isinstance(body, bytes):
            return blacksheep.Response(200, content=blacksheep.Content(b"text/plain", body))

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in asynchronous(body):
                yield chunk

        streamed = blacksheep.StreamedContent(b"text/plain", chunks)
        return blacksheep.Response(200, content=streamed)

    app.router.add_get("/*", view)
    return koala_middleware.asgi.KoalaMiddleware(app, **site.options)


def sanic(site: Site) -> Any:
    sanic = needed("sanic")
    app = sanic.Sanic(f"site-{next(_numbers)}", configure_logging=False)
    app.config.TOUCHUP = False  # which rewrites Sanic's classes for one application

    @app.get("/<path:path>")  # type: ignore[untyped-decorator]
    async def view(request: Any, path: str) -> Any:
        body = answer(site)
        if isinstance(body, bytes):
            return sanic.raw(body)
        response = await request.respond()
        async for chunk in asynchronous(body):
            await response.send(chunk)

    return koala_middleware.asgi.KoalaMiddleware(app, **site.options)


def channels(site: Site) -> Any:
    needed("channels")
    from channels.generic.http import AsyncHttpConsumer
    from channels.routing import ProtocolTypeRouter, URLRouter

    class View(AsyncHttpConsumer):  # type: ignore[misc]
        async def handle(self, body: bytes) -> None:
            answered = answer(site)
            await self.send_headers(headers=[])
            for chunk in [answered] if isinstance(answered, bytes) else answered:
                await self.send_body(chunk, more_body=True)
            await self.send_body(b"")

    routes = URLRouter([re_path("", View.as_asgi())])
    return koala_middleware.asgi.KoalaMiddleware(
        ProtocolTypeRouter({"http": routes}), **site.options
    )


def _django(body: Any) -> Any:
    return HttpResponse(body) if isinstance(body, bytes) else StreamingHttpResponse(body)


def django_ninja(site: Site) -> Any:
    ninja = needed("ninja")
    api = ninja.NinjaAPI(urls_namespace=f"site-{next(_numbers)}", docs_url=None, openapi_url=None)

    @api.get("/{path:page}")  # type: ignore[untyped-decorator]
    def view(request: Any, page: str) -> Any:
        return _django(answer(site))

    return django_site(WSGIHandler, (path("", api.urls),))


def django_rest_framework(site: Site) -> Any:
    needed("rest_framework")
    from rest_framework.views import APIView

    class View(APIView):  # type: ignore[misc]
        authentication_classes = permission_classes = ()
        perform_content_negotiation = staticmethod(lambda request, force=False: (None, None))

        def get(self, request: Any) -> Any:
            return _django(answer(site))

    return django_site(WSGIHandler, (re_path("", View.as_view()),))


FRAMEWORKS: dict[str, Callable[[Site], Any]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        *(falcon, pyramid, bottle, django_ninja, django_rest_framework),
        *(falcon_asgi, litestar, quart, blacksheep, sanic, channels),
    )
}
WSGI = frozenset(["falcon", "pyramid", "bottle", "django-ninja", "django-rest-framework"])
NO_LIFESPAN = frozenset(["channels"])


@contextmanager
def asgi_server(app: Any, has_lifespan: bool) -> Iterator[Callable[..., Any]]:
    """Start an application, and yield what calls it for a page and returns the response."""
    loop = asyncio.new_event_loop()
    lifespan = None
    if has_lifespan:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        lifespan = cast(Any, ApplicationCommunicator)(app, scope)
        loop.run_until_complete(_lifespan(lifespan, "startup"))
    try:
        yield lambda app, headers: loop.run_until_complete(_get(app, headers))
    finally:
        if lifespan is not None:
            loop.run_until_complete(_lifespan(lifespan, "shutdown"))
            loop.run_until_complete(lifespan.wait())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _lifespan(communicator: Any, event: str) -> None:
    await communicator.send_input({"type": f"lifespan.{event}"})
    message = await communicator.receive_output(5)
    assert message["type"] == f"lifespan.{event}.complete", message


async def _get(app: Any, headers: dict[str, str]) -> Response:
    sent: list[dict[str, Any]] = []
    received = iter([{"type": "http.request", "body": b"", "more_body": False}])
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        for message in received:
            return message
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            done.set()

    await app(scope_of(environ_of(**headers)), receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Response(
        body, sent[0]["status"], [(k.decode(), v.decode()) for k, v in sent[0]["headers"]]
    )
