"""What the option mint takes; that it works on every adapter is in test_minting.py."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

import koala_middleware as koala
from koala_middleware import Mint
from koala_middleware.asgi import KoalaMiddleware as ASGIMiddleware
from koala_middleware.contrib.starlette import KoalaMiddleware as StarletteMiddleware
from koala_middleware.sources import source_of
from koala_middleware.wsgi import KoalaMiddleware as WSGIMiddleware
from tests.visitors import track

FUNCTION = "a callable that is not a coroutine function, or None"
SECONDS = "a whole number of seconds, more than 0"


async def refuse(request: object) -> bool:
    return False


ALWAYS = Mint(when=lambda request: True)


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        pytest.param({"domain": 5}, TypeError, "a domain, or None, got 5", id="domain-number"),
        pytest.param({"domain": ""}, ValueError, "a domain, or None, got ''", id="domain-empty"),
        pytest.param(
            {"domain": "a b"}, ValueError, "a domain, or None, got 'a b'", id="domain-space"
        ),
        pytest.param(
            {"domain": "a;x"}, ValueError, "a domain, or None, got 'a;x'", id="domain-injection"
        ),
        pytest.param({"domain": ".."}, ValueError, "a domain, or None, got '..'", id="domain-dots"),
        pytest.param({"max_age": "1"}, TypeError, f"{SECONDS}, got '1'", id="max_age-text"),
        pytest.param({"max_age": True}, TypeError, f"{SECONDS}, got True", id="max_age-bool"),
        pytest.param({"max_age": 0}, ValueError, f"{SECONDS}, got 0", id="max_age-zero"),
        pytest.param(
            {"secure": "yes"}, ValueError, "True, False or 'auto', got 'yes'", id="secure-text"
        ),
        pytest.param({"secure": 1}, TypeError, "True, False or 'auto', got 1", id="secure-number"),
        pytest.param(
            {"samesite": None}, TypeError, "'Lax', 'Strict' or 'None', got None", id="samesite-none"
        ),
        pytest.param(
            {"samesite": "lax"},
            ValueError,
            "'Lax', 'Strict' or 'None', got 'lax'",
            id="samesite-case",
        ),
        pytest.param(
            {"secure": False, "samesite": "None"},
            ValueError,
            "True or 'auto', as samesite is 'None', got False",
            id="samesite-none-insecure",
        ),
        pytest.param({"when": "always"}, TypeError, f"{FUNCTION}, got 'always'", id="when-text"),
        pytest.param({"when": refuse}, TypeError, f"{FUNCTION}, got {refuse!r}", id="when-async"),
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
    assert "the cookies of new ids could not be set" in record.message


def test_response_without_headers() -> None:
    """ASGI lets an application leave them out."""
    message = sent_for()
    (name, value), *others = message.pop("headers")
    assert (name, value[:6]) == (b"set-cookie", b"ko_id=")
    assert others == [(b"vary", b"Cookie"), (b"cache-control", b"private")]
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


def test_cookie_of_a_secure_websocket_is_secure() -> None:
    assert ALWAYS.is_secure("wss") is True
    assert ALWAYS.is_secure("ws") is False


@pytest.mark.parametrize(
    ("name", "mint", "expected"),
    [
        pytest.param(
            "__Host-ko_id",
            Mint(".site.test"),
            "Mint domain: expected None, as cookie_name is '__Host-ko_id', got '.site.test'",
            id="host-domain",
        ),
        pytest.param(
            "__host-ko_id",
            Mint(secure=False),
            "Mint secure: expected True or 'auto', as cookie_name is '__host-ko_id', got False",
            id="host-insecure",
        ),
        pytest.param(
            "__Secure-ko_id",
            Mint(secure=False),
            "Mint secure: expected True or 'auto', as cookie_name is '__Secure-ko_id', got False",
            id="secure-insecure",
        ),
        *(
            pytest.param(
                name,
                Mint(),
                "option cookie_name: expected another prefix with mint, whose cookie is not "
                f"HttpOnly, got {name!r}",
                id=name,
            )
            for name in ("__Http-ko_id", "__Host-Http-ko_id")
        ),
    ],
)
def test_prefix_that_browsers_would_hold_against_the_cookie(
    name: str, mint: Mint, expected: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        WSGIMiddleware(print, cookie_name=name, mint=mint)  # type: ignore[arg-type]
    assert koala.Options(cookie_name=name).cookie_name == name


def kept(mint: Mint, cookie_name: str = "ko_id", scheme: str = "https", **environ: str) -> bool:
    source = source_of({"wsgi.url_scheme": scheme, "REQUEST_METHOD": "GET", **environ})
    return mint.can_keep(cookie_name, source)


CROSS_SITE = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_DEST": "document"}


@pytest.mark.parametrize(
    ("samesite", "environ", "expected"),
    [
        pytest.param("Lax", {}, True, id="lax-unknown"),
        pytest.param("Lax", CROSS_SITE, True, id="lax-link"),
        pytest.param("Lax", CROSS_SITE | {"REQUEST_METHOD": "POST"}, False, id="lax-form"),
        pytest.param(
            "Lax", CROSS_SITE | {"HTTP_SEC_FETCH_DEST": "image"}, False, id="lax-subresource"
        ),
        pytest.param(
            "Lax",
            {"HTTP_SEC_FETCH_SITE": "same-site", "REQUEST_METHOD": "POST"},
            True,
            id="lax-own-form",
        ),
        pytest.param("Strict", {}, False, id="strict-unknown"),
        pytest.param("Strict", CROSS_SITE, False, id="strict-link"),
        pytest.param("Strict", {"HTTP_SEC_FETCH_SITE": "same-origin"}, True, id="strict-own-link"),
        pytest.param("Strict", {"HTTP_SEC_FETCH_SITE": "none"}, True, id="strict-typed"),
        pytest.param("None", CROSS_SITE | {"REQUEST_METHOD": "POST"}, True, id="none-form"),
    ],
)
def test_cookie_that_the_browser_may_have_withheld_is_not_overwritten(
    samesite: Any, environ: dict[str, str], expected: bool
) -> None:
    """A visitor whom another site has sent here may have a cookie that SameSite keeps back."""
    assert kept(Mint(samesite=samesite), **environ) is expected


def test_form_of_another_site_under_asgi() -> None:
    """A websocket has no method: it is a GET."""
    headers = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"document")]
    assert Mint().can_keep("ko_id", source_of({"headers": headers})) is True
    assert Mint().can_keep("ko_id", source_of({"headers": headers, "method": "POST"})) is False


@pytest.mark.parametrize(
    ("mint", "cookie_name"),
    [
        pytest.param(Mint(samesite="None"), "ko_id", id="samesite-none"),
        pytest.param(Mint(), "__Host-ko_id", id="host-prefix"),
        pytest.param(Mint(), "__secure-ko_id", id="secure-prefix"),
    ],
)
def test_cookie_that_browsers_refuse_over_http_is_not_minted(mint: Mint, cookie_name: str) -> None:
    assert kept(mint, cookie_name, "http") is False
    assert kept(mint, cookie_name, "https") is True
    assert kept(dataclasses.replace(mint, secure=True), cookie_name, "http") is True


PUBLIC = [("Cache-Control", "public, max-age=60")]


def test_id_that_no_event_has_is_given_up_where_the_response_may_not_set_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An id that no browser keeps would be a new ghost in Koala with each request."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", PUBLIC)
        yield str(koala.get_profile_id()).encode()

    response = Client(WSGIMiddleware(application, mint=ALWAYS)).get("/")
    assert response.text == "None"
    assert caplog.messages == []


def test_id_that_an_event_has_stays_where_the_response_may_not_set_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One request is one visitor; the log says what to do about it, once."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        before = koala.get_profile_id()
        start_response("200 OK", PUBLIC)
        yield str(before is not None and before == koala.get_profile_id()).encode()

    app = WSGIMiddleware(application, mint=ALWAYS)
    for _ in range(2):
        response = Client(app).get("/")
        assert response.text == "True"
        assert "Set-Cookie" not in response.headers
    (message,) = caplog.messages
    assert message.endswith("see Mint.when")


@pytest.mark.parametrize("given_up", [True, False])
def test_second_start_response_decides_for_itself(given_up: bool) -> None:
    """An error page may be public where the page was private, or the other way round."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        first, second = (PUBLIC, []) if given_up else ([], PUBLIC)
        start_response("200 OK", first)
        start_response("500 OH", second, None)
        return [str(koala.get_profile_id()).encode()]

    response = Client(WSGIMiddleware(application, mint=ALWAYS)).get("/")
    assert response.text == "None"
    assert "Set-Cookie" not in response.headers


def test_id_is_given_up_under_asgi() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept(headers=[(b"set-cookie", b"ko_id=x")])
        await websocket.send_text(str(koala.get_profile_id()))
        await websocket.close()

    app = Starlette(routes=[WebSocketRoute("/", endpoint)])
    app.add_middleware(StarletteMiddleware, mint=ALWAYS)
    with TestClient(app).websocket_connect("/") as websocket:
        assert websocket.receive_text() == "None"


def test_scheme_that_a_proxy_middleware_below_finds_out_counts(
    events: list[dict[str, Any]],
) -> None:
    """Werkzeug's ProxyFix changes the environ that is ours, too."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        track("E")
        start_response("200 OK", [])
        return []

    app = WSGIMiddleware(ProxyFix(application), mint=ALWAYS, context=True)
    response = Client(app).get("/", headers={"X-Forwarded-Proto": "https"})
    assert "; Secure" in response.headers["Set-Cookie"]
    assert events[0]["context"]["page"]["url"] == "https://localhost/"


def test_samesite_is_set() -> None:
    assert "SameSite=Strict" in Mint(samesite="Strict").set_cookie("ko_id", "x", "http")
