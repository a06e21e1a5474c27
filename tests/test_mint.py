"""What the option mint takes; that it works on every adapter is in test_adapters.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from werkzeug.test import Client

import koala_middleware as koala
from koala_middleware import Mint
from koala_middleware.asgi import KoalaMiddleware as ASGIMiddleware
from koala_middleware.contrib.starlette import KoalaMiddleware as StarletteMiddleware
from koala_middleware.wsgi import KoalaMiddleware as WSGIMiddleware

ALWAYS = Mint(when=lambda request: True)


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        pytest.param({"domain": 5}, TypeError, "a str or None, got 5", id="domain-number"),
        pytest.param({"domain": ""}, ValueError, "a domain, got ''", id="domain-empty"),
        pytest.param({"domain": "a b"}, ValueError, "a domain, got 'a b'", id="domain-space"),
        pytest.param({"domain": "a;x"}, ValueError, "a domain, got 'a;x'", id="domain-injection"),
        pytest.param({"domain": ".."}, ValueError, "a domain, got '..'", id="domain-dots"),
        pytest.param({"max_age": "1"}, TypeError, "whole seconds, got '1'", id="max_age-text"),
        pytest.param({"max_age": True}, TypeError, "whole seconds, got True", id="max_age-bool"),
        pytest.param({"max_age": 0}, ValueError, "more than 0 seconds, got 0", id="max_age-zero"),
        pytest.param(
            {"secure": "yes"}, ValueError, "a bool or 'auto', got 'yes'", id="secure-text"
        ),
        pytest.param(
            {"samesite": "lax"},
            ValueError,
            "one of ('Lax', 'Strict', 'None'), got 'lax'",
            id="samesite-case",
        ),
        pytest.param(
            {"secure": False, "samesite": "None"},
            ValueError,
            "True, as samesite is 'None', got False",
            id="samesite-none-insecure",
        ),
        pytest.param({"when": "always"}, TypeError, "a callable, got 'always'", id="when-text"),
        pytest.param({"shared_caches": 1}, TypeError, "True or False, got 1", id="shared_caches"),
    ],
)
def test_wrong_argument_names_itself(
    arguments: dict[str, Any], error: type[Exception], expected: str
) -> None:
    with pytest.raises(error) as raised:
        Mint(**arguments)
    assert str(raised.value) == f"Mint {next(iter(arguments))}: expected {expected}"


@pytest.mark.parametrize(
    "arguments", [{"domain": "X"}, {"max_age": 1}, {"samesite": "None"}, {"secure": False}]
)
def test_unusual_arguments_are_taken(arguments: dict[str, Any]) -> None:
    assert vars(Mint(**arguments)).items() >= arguments.items()


def test_domain_may_come_by_position() -> None:
    assert Mint(".example.com").domain == ".example.com"


def test_streamed_body_and_second_start_response() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("X-A", "1")])
        start_response("500 OH", [("X-B", "1")], None)
        yield str(koala.get_profile_id()).encode()

    response = Client(WSGIMiddleware(application, mint=ALWAYS)).get("/")
    (cookie,) = response.headers.getlist("Set-Cookie")
    assert (response.status_code, response.headers.get("X-A")) == (500, None)
    assert response.text in cookie


def test_websocket() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept(headers=[(b"x-a", b"1")])
        await websocket.send_text(str(koala.get_profile_id()))
        await websocket.close()

    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    app.add_middleware(StarletteMiddleware, mint=ALWAYS)
    with TestClient(app).websocket_connect("/") as websocket:
        headers: dict[bytes, bytes] = dict(websocket.extra_headers or [])
        assert websocket.receive_text() in headers[b"set-cookie"].decode()
        assert headers[b"x-a"] == b"1"


def sent_for(**start: Any) -> dict[str, Any]:
    """Return what the server gets of an ASGI application that sends ``start``."""

    async def receive() -> Any:
        return {"type": "http.request"}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, **start})

    async def send(message: Any) -> None:
        sent.append(message)

    sent: list[dict[str, Any]] = []
    app = ASGIMiddleware(application, mint=ALWAYS)
    asyncio.run(app({"type": "http", "headers": []}, receive, send))
    return sent[0]


def test_headers_that_break_our_reading_of_them_stay(caplog: pytest.LogCaptureFixture) -> None:
    """A response of the application's is never lost because of ours."""
    assert sent_for(headers=[(b"x", None)])["headers"] == [(b"x", None)]
    (record,) = caplog.records
    assert "the cookie of a minted profile id could not be set" in record.message


def test_response_without_headers() -> None:
    """ASGI lets an application leave them out."""
    message = sent_for()
    ((name, value),) = message.pop("headers")
    assert (name, value[:6]) == (b"set-cookie", b"ko_id=")
    assert message == {"type": "http.response.start", "status": 200}


def test_exc_info_by_keyword_is_passed_on() -> None:
    """Servers take it so, and applications give it so, although PEP 3333 wants it by position."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("500 OH", [], exc_info=exc_info)
        return []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        started.append(exc_info)

    started: list[Any] = []
    exc_info = (KeyError, KeyError(), None)
    WSGIMiddleware(application, mint=ALWAYS)({}, start_response)
    assert started == [exc_info]


def test_exc_info_of_start_response_is_passed_on() -> None:
    """Without it a server would refuse to send other headers (PEP 3333)."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("500 OH", [], exc_info)
        return []

    def start_response(*args: Any) -> Any:
        started.extend(args)

    started: list[Any] = []
    exc_info = (KeyError, KeyError(), None)
    WSGIMiddleware(application, mint=ALWAYS)({}, start_response)
    assert (started[0], started[2]) == ("500 OH", exc_info)


@pytest.mark.parametrize(
    "headers",
    [
        [("Expires", "x")],
        [("CDN-Cache-Control", "x")],
        [("Surrogate-Control", "x")],
        [("Cache-Control", "public")],
        [("Cache-Control", "Public"), ("Cache-Control", "max-age=0")],
        [("Cache-Control", "no-cache ,max-age=5")],
        [("Cache-Control", "max-age")],
    ],
)
def test_response_that_a_shared_cache_may_store(headers: list[tuple[str, str]]) -> None:
    assert ALWAYS.may_set("ko_id", headers) is False
    assert ALWAYS.may_set("ko_id", [*headers, ("Cache-Control", "private")]) is True
    assert ALWAYS.may_set("ko_id", [("Cache-Control", "no-store"), *headers]) is True


def test_cookie_of_a_secure_websocket_is_secure() -> None:
    assert ALWAYS.is_secure("wss") is True
    assert ALWAYS.is_secure("ws") is False


def test_samesite_is_set() -> None:
    assert "SameSite=Strict" in Mint(samesite="Strict").set_cookie("ko_id", "x", "http")
