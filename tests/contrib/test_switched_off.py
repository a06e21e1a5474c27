"""The option enabled, in every adapter."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import override_settings
from segment.analytics.client import Client
from werkzeug.test import run_wsgi_app

import koala_middleware as koala
import koala_middleware.asgi
import koala_middleware.wsgi
from koala_middleware import Mint
from tests.adapters import (
    ADAPTERS,
    ASGI,
    WSGI,
    Site,
    request,
    settings_for,
)
from tests.calls import set_cookies, track
from tests.serving import asgi_request, environ_of, scope_of
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]

pytestmark = [pytest.mark.parametrize("adapter", ADAPTERS), pytest.mark.usefixtures("events")]


def visitor_left_by(adapter: str, site: Site, wrap: Any = lambda app: app) -> Any:
    """Return the visitor of Alice's request as code outside the middleware finds it."""

    def outside(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        left.append(environ["koala.visitor"])
        return body

    async def async_outside(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        left.append(scope["koala"])

    left: list[Any] = []
    environ = environ_of(cookie=f"ko_id={ALICE}")
    with override_settings(**settings_for(site)):
        if adapter in WSGI:
            app = wrap(WSGI[adapter](site))
            run_wsgi_app(outside, environ)
        else:
            app = wrap(ASGI[adapter](site))
            asyncio.run(asgi_request(async_outside, scope_of(environ)))
    return left[0]


def test_visitor_is_left_to_code_outside(adapter: str) -> None:
    assert visitor_left_by(adapter, Site(track)).profile_id == ALICE


def test_switched_off_middleware_changes_nothing(adapter: str, events: Events) -> None:
    def view() -> None:
        seen.append(koala.current_visitor())
        track()

    def ask(request: object) -> Any:
        raise AssertionError

    seen: list[object] = []
    options = {"enabled": False, "mint": Mint(when=bool), "context": True, "identify": True}
    site = Site(view, {**options, "request_filter": ask, "email": ask})
    koala.instrument()
    assert set_cookies(request(adapter, site, cookie=f"ajs_anonymous_id=a; {BOB}")) == []
    assert seen == [None]
    assert events[0]["properties"] == {}
    assert set(events[0]["context"]) == {"library"}


def test_switched_off_middleware_leaves_an_empty_visitor(adapter: str) -> None:
    """So that what reads it, such as a template or an access log, goes on working."""
    visitor = visitor_left_by(adapter, Site(track, {"enabled": False}))
    assert (visitor.profile_id, visitor.anonymous_id, bool(visitor)) == (None, None, False)


def test_switched_off_middleware_keeps_the_visitor_of_an_outer_one(adapter: str) -> None:
    def view() -> None:
        seen.append(koala.get_profile_id())

    seen: list[str | None] = []
    outer = koala_middleware.wsgi if adapter in WSGI else koala_middleware.asgi
    visitor = visitor_left_by(adapter, Site(view, {"enabled": False}), outer.KoalaMiddleware)
    assert [visitor.profile_id, *seen] == [ALICE, ALICE]


def test_switched_off_middleware_leaves_the_sdk_alone(adapter: str) -> None:
    own = Client.track
    request(adapter, Site(bool, {"enabled": False}))
    assert Client.track is own
    request(adapter, Site(bool))
    assert Client.track is not own
