"""Ready-made request filters, on every adapter's type of request."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import flask
import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from starlette.requests import HTTPConnection

from koala_middleware import filters
from koala_middleware.filters import (
    consent_cookie,
    respect_dnt,
    respect_gpc,
    skip_bots,
    skip_paths,
)
from koala_middleware.sources import source_of

Request = Callable[..., Any]


def environ(path: str = "/", **headers: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path.encode().decode("latin-1"),
        "wsgi.input": BytesIO(),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }


def scope(path: str = "/", **headers: str) -> dict[str, Any]:
    pairs = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    return {"type": "http", "method": "GET", "path": path, "headers": pairs}


def bare_django_request(path: str = "/", **headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META = environ(path, **headers)
    return request


REQUESTS = [
    pytest.param(environ, id="environ"),
    pytest.param(scope, id="scope"),
    pytest.param(lambda *a, **k: WSGIRequest(environ(*a, **k)), id="django-wsgi"),
    pytest.param(lambda *a, **k: ASGIRequest(scope(*a, **k), BytesIO()), id="django-asgi"),
    pytest.param(bare_django_request, id="django-bare"),
    pytest.param(lambda *a, **k: flask.Request(environ(*a, **k)), id="flask"),
    pytest.param(lambda *a, **k: HTTPConnection(scope(*a, **k)), id="starlette"),
]


@pytest.fixture(params=REQUESTS)
def make(request: pytest.FixtureRequest) -> Request:
    made: Request = request.param
    return made


def test_respect_gpc(make: Request) -> None:
    assert respect_gpc(make()) is True
    assert respect_gpc(make(sec_gpc="1")) is False
    assert respect_gpc(make(sec_gpc="0")) is True


def test_respect_dnt(make: Request) -> None:
    assert respect_dnt(make()) is True
    assert respect_dnt(make(dnt="1")) is False
    assert respect_dnt(make(dnt="0")) is True


@pytest.mark.parametrize(
    ("path", "admitted"),
    [
        ("/health", False),
        ("/health/", True),
        ("/static/a/b.css", False),
        ("/café/x", False),
        ("/", True),
    ],
)
def test_skip_paths(make: Request, path: str, admitted: bool) -> None:
    assert skip_paths("/health", "/static/*", "/café/?")(make(path)) is admitted


def test_skip_paths_refuses_what_is_no_pattern() -> None:
    with pytest.raises(TypeError, match="expected patterns, each a str, got 5"):
        skip_paths("/a", 5)  # type: ignore[arg-type]


BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebookexternalhit/1.1",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36",
    "curl/8.4.0",
    "python-requests/2.31",
    "UptimeRobot/2.0",
    "Slackbot-LinkExpanding 1.0",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "Amazon CloudFront Health Monitor",
]
BROWSERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/119.0",
    "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/120.0 Mobile",
    "MyApp/2.3 (iOS 17)",
]


@pytest.mark.parametrize("user_agent", BOTS)
def test_skip_bots(make: Request, user_agent: str) -> None:
    assert skip_bots(make(user_agent=user_agent)) is False


@pytest.mark.parametrize("user_agent", BROWSERS)
def test_skip_bots_admits_browsers(user_agent: str) -> None:
    assert skip_bots(environ(user_agent=user_agent)) is True


def test_skip_bots_admits_who_says_nothing(make: Request) -> None:
    assert skip_bots(make()) is True


def test_skip_bots_is_bounded() -> None:
    assert skip_bots(environ(user_agent="x" * 2000 + "bot")) is True


@pytest.mark.parametrize(
    ("accepts", "cookie", "admitted"),
    [
        pytest.param(None, "c=1", True, id="yes"),
        pytest.param(None, "c=0", False, id="no"),
        pytest.param(None, "", False, id="absent"),
        pytest.param("all", "c=all", True, id="text"),
        pytest.param("all", "c=a", False, id="part-of-the-text"),
        pytest.param({"all", "some"}, "c=%22some%22", True, id="one-of-some-encoded"),
        pytest.param(lambda value: "stats:1" in value, "c=ads:0,stats:1", True, id="function"),
        pytest.param(lambda value: "stats:1" in value, "c=ads:0", False, id="function-refuses"),
        pytest.param(None, "c=no; c=yes", False, id="first-refuses"),
        pytest.param(None, "c=yes; c=no", True, id="first-consents"),
        pytest.param(None, "c=yes,ko_id=x; b=1", True, id="joined"),
        pytest.param(None, "a=b,c=no; c=yes", False, id="joined-first-refuses"),
        pytest.param(None, "cc=yes", False, id="other-name"),
        pytest.param(None, "c=" + "yes".rjust(5000), False, id="too-long"),
    ],
)
def test_consent_cookie(make: Request, accepts: Any, cookie: str, admitted: bool) -> None:
    consented = consent_cookie("c") if accepts is None else consent_cookie("c", accepts=accepts)
    assert consented(make(cookie=cookie)) is admitted


@pytest.mark.parametrize(
    ("combined", "admitted"),
    [
        (lambda yes, no: yes & yes, True),
        (lambda yes, no: yes & no, False),
        (lambda yes, no: no | yes, True),
        (lambda yes, no: no | no, False),
        (lambda yes, no: ~no, True),
        (lambda yes, no: ~(yes | no) | yes, True),
    ],
)
def test_filters_combine(make: Request, combined: Any, admitted: bool) -> None:
    yes, no = skip_paths("/b"), skip_paths("/a")
    assert combined(yes, no)(make("/a")) is admitted


def test_source_of_anything_else() -> None:
    expected = "expected a WSGI environ, an ASGI scope or a request, got <class 'int'>"
    with pytest.raises(TypeError, match=expected):
        source_of(5)


def test_headers_of_one_name_are_one_list() -> None:
    """RFC 9110, section 5.3; a WSGI server joins them itself."""
    source = source_of({"headers": [(b"accept", b"a"), (b"x", b"y"), (b"accept", b"b")]})
    assert source.header("Accept") == "a, b"


def test_filters_are_documented() -> None:
    assert filters.__doc__


def test_async_functions_are_refused() -> None:
    """A coroutine is true, so each of them would let every request pass."""

    async def refuse(value: object) -> bool:
        return False

    with pytest.raises(TypeError, match="Filter: expected a callable that is not a coroutine"):
        filters.Filter(refuse)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="consent_cookie: expected a callable that is not a corou"):
        consent_cookie("consent", refuse)  # type: ignore[arg-type]


def test_consent_that_has_to_be_awaited_is_none() -> None:
    async def agree(value: str) -> bool:
        return True

    agrees = consent_cookie("consent", lambda value: agree(value))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="expected an answer, got an awaitable"):
        agrees(environ(cookie="consent=yes"))
