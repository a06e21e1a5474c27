"""The inspector as one ASGI application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.server.cross_origin import CrossOriginProtection
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.server.inspector_api import InspectorAPI
from koala_middleware.inspector.server.segment_api import segment_routes
from koala_middleware.inspector.storage.event_store import EventStore

_FILES = Path(__file__).parent.parent / "page"
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "connect-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'"
)


def make_app(
    store: EventStore,
    feed: Feed,
    forwarder: Forwarder | None = None,
    *,
    names: tuple[str, ...] = (),
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application: Segment's API, the inspector's own, its page, and ``routes``.

    ``names`` are those that a Host header may have, beside addresses and ``localhost``.
    """
    return Starlette(
        routes=[
            *routes,
            Route("/", page_endpoint(_FILES / "page.html")),
            Mount("/static", StaticFiles(directory=_FILES)),
            *segment_routes(store, feed, forwarder),
            *InspectorAPI(store, feed, forwarder).routes(),
        ],
        middleware=[Middleware(CrossOriginProtection, names=names)],
        exception_handlers={HTTPException: _refuse},
    )


def page_endpoint(template: Path, context: Mapping[str, Any] | None = None) -> Any:
    """Return an endpoint that renders a template, which may extend the inspector's page."""
    environment = Environment(
        loader=FileSystemLoader([template.parent, _FILES]),
        autoescape=True,
        undefined=StrictUndefined,
    )
    page = environment.get_template(template.name)

    async def endpoint(request: Request) -> HTMLResponse:
        return HTMLResponse(
            page.render(context or {}),
            headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY},
        )

    return endpoint


async def _refuse(request: Request, fault: Any) -> Response:
    answer = {"code": str(fault.status_code), "message": fault.detail}
    return JSONResponse(answer, fault.status_code, fault.headers)
