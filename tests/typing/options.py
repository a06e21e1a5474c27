"""Options, by their names and types."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIApplication

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from typing_extensions import assert_type

import koala_middleware as koala
from koala_middleware import asgi, wsgi
from koala_middleware.contrib.starlette import KoalaMiddleware


def allow(request: Any) -> bool:
    return True


def email(request: HTTPConnection) -> str | None:
    return None


def build(app: WSGIApplication, asgi_app: asgi.ASGIApp, starlette: Starlette) -> None:
    wsgi.KoalaMiddleware(app, cookie_name="vid", enabled=False, mint=koala.Mint(".example.com"))
    asgi.KoalaMiddleware(asgi_app, request_filter=allow, context={"ip"})
    starlette.add_middleware(KoalaMiddleware, email=email, anonymous_id_cookie=None)

    wsgi.KoalaMiddleware(app, cookie_nam="vid")  # type: ignore[call-arg]
    wsgi.KoalaMiddleware(app, enabled="no")  # type: ignore[arg-type]
    koala.Options(identify="yes")  # type: ignore[arg-type]
    koala.Mint(samesite="lax")  # type: ignore[arg-type]

    assert_type(koala.Options().mint, koala.Mint | None)
    assert_type(koala.Mint().max_age, int)
    assert_type(koala.get_profile_id(), str | None)
