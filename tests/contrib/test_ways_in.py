"""What holds for the middleware in whatever way it is put into an application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import flask
import pytest
import segment.analytics as analytics
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from starlette.requests import HTTPConnection

import koala_middleware as koala
from tests.adapters import (
    ASGI,
    CLIENTS,
    SERVED,
    Site,
    build,
    request,
)
from tests.serving import start_and_stop
from tests.sites import STARLETTE
from tests.visitors import ALICE, BOB, profile_ids, track

Events = list[dict[str, Any]]

pytestmark = pytest.mark.usefixtures("events")

ways = pytest.mark.parametrize("way", [*SERVED, *CLIENTS])
served = pytest.mark.parametrize("way", SERVED)


def visit(way: str, options: dict[str, Any] | None = None, cookie: str = f"ko_id={ALICE}") -> Any:
    """Return whom the view of a site takes its visitor for."""

    def view() -> None:
        seen.append(koala.get_profile_id())
        track("view")

    seen: list[str | None] = []
    request(way, Site(view, options or {}), cookie=cookie)
    (profile_id,) = seen
    return profile_id


@ways
def test_every_way_to_track(way: str, events: Events, sign_up: Callable[[], Any]) -> None:
    request(way, Site(sign_up), cookie=f"ko_id={ALICE}")
    assert profile_ids(events) == {"Signed Up": ALICE}
    assert events[0]["userId"] == "u1"


@served
@pytest.mark.parametrize("error", [None, LookupError()])
def test_after_the_request_nobody_is_current_and_it_says_whose_it_was(
    way: str, error: Exception | None
) -> None:
    """asgi-correlation-id #19, #55, starlette-context #74: an outer error handler can read it."""

    def view() -> None:
        if error is not None:
            raise error

    site = Site(view)
    with suppress(LookupError):
        request(way, site, cookie=f"ko_id={ALICE}")
    ((current, visitor),) = site.after
    assert current is None
    assert visitor is not None
    assert visitor.profile_id == ALICE


@ways
def test_exception_passes_unchanged(way: str) -> None:
    """starlette-context PR 76"""
    error = LookupError()

    def view() -> None:
        raise error

    with pytest.raises(LookupError) as raised:
        request(way, Site(view), cookie=f"ko_id={ALICE}")
    assert raised.value is error
    assert koala.current_visitor() is None


@pytest.mark.parametrize("way", [*ASGI, "django-async-client"])
@pytest.mark.parametrize(
    "cookies",
    [
        pytest.param([f"a=1; ko_id={ALICE}"], id="one"),
        pytest.param(["a=1", f"ko_id={ALICE}"], id="last"),
        pytest.param([f"ko_id={ALICE}", "a=1"], id="first"),
        pytest.param(["a=1", f"ko_id={ALICE}", "b=2"], id="middle"),
        pytest.param(['x={"a":1}', f"ko_id={ALICE}"], id="odd neighbour"),
    ],
)
def test_cookie_header_in_pieces(way: str, cookies: list[str], events: Events) -> None:
    """HTTP/2 clients may send it so. Django 5.2 joins the pieces with commas, and Starlette before
    0.49 reads only the first."""
    request(way, Site(lambda: track("view")), cookies=cookies)
    assert profile_ids(events) == {"view": ALICE}


# Options


@ways
def test_option_cookie_name(way: str) -> None:
    assert visit(way, {"cookie_name": "vid"}, f"ko_id={BOB}; vid={ALICE}") == ALICE


@ways
def test_option_property_name(way: str, events: Events) -> None:
    visit(way, {"property_name": "koala_id"})
    assert events[0]["properties"] == {"koala_id": ALICE}


@ways
def test_option_parse(way: str) -> None:
    assert visit(way, {"parse": str.upper}) == ALICE.upper()


@ways
def test_option_anonymous_id_cookie(way: str, events: Events) -> None:
    site = Site(lambda: analytics.track(event="E"), {"anonymous_id_cookie": "anon"})
    request(way, site, cookie="ajs_anonymous_id=a1; anon=a2")
    assert events[0]["anonymousId"] == "a2"


def consent(request: Any) -> str | None:
    """Return the answer to a banner, of a request of the framework's own kind."""
    if isinstance(request, HttpRequest):
        return request.COOKIES.get("consent")
    assert isinstance(request, (flask.Request, HTTPConnection))
    return request.cookies.get("consent")


@pytest.mark.parametrize("way", [way for way in [*SERVED, *CLIENTS] if way not in ("wsgi", "asgi")])
def test_option_request_filter(way: str) -> None:
    options = {"request_filter": lambda request: consent(request) == "yes"}
    assert visit(way, options, f"consent=yes; ko_id={ALICE}") == ALICE
    assert visit(way, options, f"consent=no; ko_id={ALICE}") is None


def broken_filter(request: object) -> bool:
    raise LookupError(ALICE)


@ways
def test_failing_request_filter_means_nobody(way: str, caplog: pytest.LogCaptureFixture) -> None:
    options = {"request_filter": broken_filter}
    assert [visit(way, options), visit(way, options, f"ko_id={BOB}")] == [None, None]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    assert "request_filter" in caplog.text
    assert ALICE not in caplog.text


def start(way: str, options: dict[str, Any]) -> None:
    """Do what a server does before it takes requests."""
    app = build(way, Site(bool, options))
    if way in STARLETTE:
        start_and_stop(app)


def name_and_place(way: str, option: str) -> str:
    setting = f"KOALA_{option.upper()}"
    if way.startswith("django"):
        return f"{setting} in the Django settings"
    if way in ("flask-extension", "flask-init_app"):
        return f"{setting} in app.config"
    return f"option {option}"


async def async_filter(request: object) -> bool:
    return True


@served
@pytest.mark.parametrize(
    ("option", "value", "expected", "error"),
    [
        pytest.param("cookie_name", "a b", "a cookie's name", ValueError, id="cookie name"),
        pytest.param("cookie_name", None, "a cookie's name", TypeError, id="no cookie name"),
        pytest.param("property_name", "", "a property's name", ValueError, id="empty name"),
        pytest.param("property_name", 7, "a property's name", TypeError, id="property name"),
        pytest.param("property_name", None, "a property's name", TypeError, id="no property name"),
        pytest.param("parse", 7, "a callable", TypeError, id="parse a number"),
        pytest.param("parse", None, "a callable", TypeError, id="no parse"),
        pytest.param("parse", "str.upper", "a callable", TypeError, id="parse a text"),
        pytest.param("parse", "nowhere.parse", "a callable", TypeError, id="parse of no module"),
        pytest.param("parse", "uuid.nothing", "a callable", TypeError, id="not in its module"),
        pytest.param("parse", "uuid", "a callable", TypeError, id="parse without a dot"),
        pytest.param("request_filter", True, "a callable", TypeError, id="filter a boolean"),
        pytest.param("request_filter", async_filter, "a callable", TypeError, id="async filter"),
        pytest.param("request_filter", "no.where", "a callable", TypeError, id="filter a text"),
        pytest.param("anonymous_id_cookie", 7, "a cookie's name", TypeError, id="anonymous id"),
        pytest.param(
            "anonymous_id_cookie", "", "a cookie's name", ValueError, id="no anonymous id"
        ),
        pytest.param("anonymous_id_cookie", "a;b", "a cookie's name", ValueError, id="semicolon"),
    ],
)
def test_wrong_option(
    way: str, option: str, value: object, expected: str, error: type[Exception]
) -> None:
    """asgi-correlation-id #96: it fails at the start, and says which, what was expected and got."""
    with pytest.raises(ImproperlyConfigured if way.startswith("django") else error) as raised:
        start(way, {option: value})
    assert str(raised.value).startswith(f"{name_and_place(way, option)}: expected {expected}")
    assert str(raised.value).endswith(f"got {value!r}")


@served
def test_unknown_option(way: str) -> None:
    with pytest.raises(ImproperlyConfigured if way.startswith("django") else TypeError) as raised:
        start(way, {"cookie_nmae": "ko_id"})
    name, _, _ = name_and_place(way, "cookie_name").removeprefix("option ").partition(" ")
    assert str(raised.value).startswith(f"{name_and_place(way, 'cookie_nmae')}: ")
    assert f"did you mean {name}?" in str(raised.value)
