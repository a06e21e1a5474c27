"""One application: the inspector, with the demo's buttons beside it, and the three sites."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from koala_middleware.demo import django_site, flask_site, starlette_site
from koala_middleware.demo.actions import ACTIONS
from koala_middleware.inspector.server.app import make_app, page_endpoint
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore

_FILES = Path(__file__).parent / "page"


def make_demo(store: EventStore, feed: Feed, names: tuple[str, ...]) -> Starlette:
    """Return the application; the sites' events reach ``store`` by way of its ``/v1/batch``."""
    sites = {site: list(actions) for site, actions in groupby(ACTIONS, attrgetter("site"))}
    # Each package has types of its own for ASGI and WSGI applications.
    django: Any = django_site.application
    flask: Any = WSGIMiddleware(cast(Any, flask_site.app))
    routes = [
        Route("/", page_endpoint(_FILES / "demo.html", {"sites": sites})),
        Mount("/demo", StaticFiles(directory=_FILES)),
        Mount("/django", django),
        Mount("/flask", flask),
        Mount("/starlette", starlette_site.app),
    ]
    return make_app(store, feed, names=names, routes=routes)
