"""The sites under load: one trivial page each, with the middleware if ``WITH_KOALA`` is set."""

from __future__ import annotations

import os
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from starlette.applications import Starlette

from tests import sites

WITH_KOALA = bool(os.environ.get("WITH_KOALA"))
_SITE = sites.Site(lambda: b"Welcome!")


def starlette_site() -> Any:
    routes = sites.starlette_routes(_SITE)
    return sites.starlette_with_add(routes) if WITH_KOALA else Starlette(routes=routes)


def flask_site() -> Any:
    app = sites.flask_site(_SITE)
    return sites.flask_with_middleware(app) if WITH_KOALA else app


def django_site() -> Any:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=sites.django_urls(_SITE, is_async=False),
        SECRET_KEY="for no session",
        MIDDLEWARE=["koala_middleware.contrib.django.KoalaMiddleware"] if WITH_KOALA else [],
    )
    django.setup()
    return WSGIHandler()
