"""A Django project that caches its pages on Redis, and mints: ``wsgi`` and ``asgi``."""

from __future__ import annotations

import os
from uuid import uuid4

import django
import segment.analytics as analytics
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from koala_middleware import Mint

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="tests",
    ROOT_URLCONF=__name__,
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["CACHED_SITE_REDIS"],
            "KEY_PREFIX": os.environ["CACHED_SITE_PREFIX"],
        }
    },
    MIDDLEWARE=[
        "django.middleware.cache.UpdateCacheMiddleware",
        "koala_middleware.contrib.django.KoalaMiddleware",
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ],
    KOALA_MINT=Mint(),
)
django.setup()

analytics.default_client = analytics.Client(
    "key", host=os.environ["CACHED_SITE_COLLECTOR"], upload_interval=0.1
)


def page(request: HttpRequest, name: str) -> HttpResponse:
    visitor = request.headers.get("X-Visitor")
    if visitor is not None:  # else it is asked whether the server is up
        analytics.track("u1", name, {"visitor": visitor})
    return HttpResponse(str(uuid4()) * 10)


async def async_page(request: HttpRequest, name: str) -> HttpResponse:
    return page(request, name)


urlpatterns = [path("async/<name>", async_page), path("<name>", page), path("", page, {"name": ""})]
wsgi, asgi = WSGIHandler(), ASGIHandler()
