"""One application of all: the page, the three sites and the collector."""

from __future__ import annotations

import json
import secrets
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from koala_middleware.demo import django_site, flask_site, starlette_site
from koala_middleware.demo.actions import ACTIONS
from koala_middleware.demo.rows import make_row
from koala_middleware.inspector.collector import EventStore, routes

_MOST_LISTED = 100

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)


def make_app(store: EventStore) -> Starlette:
    """Return the application; the sites' events reach ``store`` by way of its ``/v1/batch``."""

    async def events(request: Request) -> Response:
        newest = reversed(store.all()[-_MOST_LISTED:])
        rows = [make_row(event)._asdict() for event in newest]
        # Not JSONResponse, which fails on half a surrogate pair: JSON may have one.
        return Response(json.dumps(rows), media_type="application/json")

    # Each package has types of its own for ASGI and WSGI applications.
    django: Any = django_site.application
    flask: Any = WSGIMiddleware(cast(Any, flask_site.app))
    return Starlette(
        routes=[
            Route("/", _page),
            Route("/events", events),
            *routes(store),
            Mount("/django", django),
            Mount("/flask", flask),
            Mount("/starlette", starlette_site.app),
        ]
    )


async def _page(request: Request) -> HTMLResponse:
    nonce = secrets.token_urlsafe()
    sites = {site: list(actions) for site, actions in groupby(ACTIONS, attrgetter("site"))}
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "connect-src 'self'; img-src data:; "
        f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'"
    )
    page = _templates.get_template("page.html").render(sites=sites, nonce=nonce)
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})
