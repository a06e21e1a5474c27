"""One small site for every adapter, driven the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.test import AsyncClient as AsyncDjangoClient
from django.test import Client as DjangoClient
from django.test import override_settings
from werkzeug.test import Client

import koala_middleware
from tests.serving import Headers, asgi_request, builder_of, scope_of
from tests.sites import (
    FLASK,
    STARLETTE,
    as_settings,
    asgi,
    django_asgi,
    django_urls,
    django_wsgi,
    flask_site,
    starlette_routes,
    wsgi,
)
from tests.sites import Site as Site


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
CLIENTS = ["django-client", "django-async-client"]
"""Django's own, which are not servers: they take a shorter way to its middleware."""

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
        is_async = adapter == "django-async-client"
        settings.ROOT_URLCONF = django_urls(site, is_async)
        client: Any = (AsyncDjangoClient if is_async else DjangoClient)()
        response = asyncio.run(client.request(**scope)) if is_async else client.request(**environ)
        set_cookies = [("Set-Cookie", each.OutputString()) for each in response.cookies.values()]
        return [*response.items(), *set_cookies]


def build(adapter: str, site: Site) -> Any:
    """Build an application, which Django's settings have no part in from then on."""
    with override_settings(**settings_for(site)):
        return (WSGI | ASGI)[adapter](site)


def settings_for(site: Site) -> dict[str, Any]:
    """Return the settings with which Django serves a site."""
    return {
        "MIDDLEWARE": ["koala_middleware.contrib.django.KoalaMiddleware"],
        "ROOT_URLCONF": None,
        "ALLOWED_HOSTS": ["*"],
        "DEBUG_PROPAGATE_EXCEPTIONS": True,
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
