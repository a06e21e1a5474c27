"""The clients that take the visitor to the next service, with real servers on loopback."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import aiohttp
import httpx
import pytest
import requests

import koala_middleware as koala
from koala_middleware.contrib.aiohttp import KoalaClientMiddleware
from koala_middleware.contrib.httpx import AsyncKoalaHook, KoalaHook
from koala_middleware.contrib.requests import KoalaAdapter
from tests.visitors import ALICE, BOB

HEADER = "X-Koala-Profile-Id"
Send = Callable[..., int]
Hooks = dict[str, list[Callable[..., Any]]]


class Service(ThreadingHTTPServer):
    """Keep the headers of each request; ``/to/<url>`` redirects there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Any] = []

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def seen(self, header: str = HEADER) -> list[tuple[str, str | None]]:
        return [(each["Host"].partition(":")[0], each[header]) for each in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        self.server.requests.append(self.headers)
        to = self.path.startswith("/to/")
        self.send_response(307 if to else 200)
        if to:
            self.send_header("Location", unquote(self.path.removeprefix("/to/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Service]:
    with Service() as service:
        thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        service.shutdown()
        thread.join()


@pytest.fixture
def service(server: Service) -> Service:
    server.requests.clear()
    return server


def with_requests(hosts: list[str], url: str, **headers: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", pickle.loads(pickle.dumps(KoalaAdapter(hosts, max_retries=1))))
        status: int = session.get(url, headers=headers).status_code
    return status


def with_httpx(hosts: list[str], url: str, **headers: str) -> int:
    hooks: Hooks = {"request": [KoalaHook(hosts)]}
    with httpx.Client(event_hooks=hooks, follow_redirects=True, trust_env=False) as client:
        status: int = client.get(url, headers=headers).status_code
    return status


def with_async_httpx(hosts: list[str], url: str, **headers: str) -> int:
    async def get() -> int:
        hooks: Hooks = {"request": [AsyncKoalaHook(hosts)]}
        async with httpx.AsyncClient(
            event_hooks=hooks, follow_redirects=True, trust_env=False
        ) as client:
            status: int = (await client.get(url, headers=headers)).status_code
        return status

    return asyncio.run(get())


def with_aiohttp(hosts: list[str], url: str, **headers: str) -> int:
    async def get() -> int:
        ours = [KoalaClientMiddleware(hosts)]
        async with (
            aiohttp.ClientSession(middlewares=ours) as session,
            session.get(url, headers=headers) as response,
        ):
            status: int = response.status
        return status

    return asyncio.run(get())


@pytest.fixture(params=[with_requests, with_httpx, with_async_httpx, with_aiohttp])
def send(request: pytest.FixtureRequest) -> Send:
    way: Send = request.param
    return way


def test_visitor_goes_to_a_listed_host_only(send: Send, service: Service) -> None:
    with koala.profile(ALICE):
        assert send(["127.0.0.1"], service.url("127.0.0.1")) == 200
        assert send(["127.0.0.1"], service.url("localhost")) == 200
    assert send(["127.0.0.1"], service.url("127.0.0.1")) == 200
    assert service.seen() == [("127.0.0.1", ALICE), ("localhost", None), ("127.0.0.1", None)]


@pytest.mark.parametrize("header_name", [HEADER, "baggage"])
def test_redirect_to_another_host_does_not_carry_the_visitor(
    send: Send, service: Service, header_name: str
) -> None:
    """Clients copy the headers of a request to the one that follows its redirect."""
    there = service.url("localhost", "/to/" + service.url("127.0.0.1"))
    with koala.profile(ALICE, options=koala.Options(header_name=header_name)):
        assert send(["127.0.0.1"], service.url("127.0.0.1", f"/to/{there}")) == 200
    value = ALICE if header_name == HEADER else f"koala.profile_id={ALICE}"
    assert service.seen(header_name) == [
        ("127.0.0.1", value),
        ("localhost", None),
        ("127.0.0.1", value),
    ]


def test_baggage_of_others_stays(send: Send, service: Service) -> None:
    with koala.profile(ALICE, options=koala.Options(header_name="baggage")):
        send(
            ["127.0.0.1"],
            service.url("127.0.0.1", "/to/" + service.url("localhost")),
            baggage="a=1",
        )
    assert service.seen("baggage") == [
        ("127.0.0.1", f"a=1,koala.profile_id={ALICE}"),
        ("localhost", "a=1"),
    ]


def test_headers_of_the_caller_stay(send: Send, service: Service) -> None:
    with koala.profile(ALICE):
        send(["127.0.0.1"], service.url("127.0.0.1"), **{HEADER: "theirs"})
    assert service.seen() == [("127.0.0.1", "theirs")]


def test_request_that_is_sent_again_carries_whoever_is_current(service: Service) -> None:
    """A response's request, too: somebody else may send it, or follow its redirect by hand."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", KoalaAdapter(["127.0.0.1"]))
        with koala.profile(ALICE):
            there = service.url("127.0.0.1", "/to/" + service.url("localhost"))
            response = session.get(there, allow_redirects=False)
            list(session.resolve_redirects(response, response.request))
        with koala.profile(BOB):
            session.send(response.request, allow_redirects=False)
    assert service.seen() == [("127.0.0.1", ALICE), ("localhost", None), ("127.0.0.1", BOB)]


def test_httpx_client_with_two_hooks(service: Service) -> None:
    """Neither takes the other's header for one of a redirected request."""
    hooks: Any = {"request": [KoalaHook(["127.0.0.1"]), KoalaHook(["localhost"])]}
    with (
        httpx.Client(event_hooks=hooks, follow_redirects=True, trust_env=False) as client,
        koala.profile(ALICE),
    ):
        client.get(service.url("127.0.0.1", "/to/" + service.url("localhost")))
    assert service.seen() == [("127.0.0.1", ALICE), ("localhost", ALICE)]


def test_hosts_are_checked(send: Send) -> None:
    with pytest.raises(ValueError, match="hosts: expected a host's name"):
        send(["http://orders.internal"], "http://127.0.0.1:9")


def test_httpx_extensions_of_the_caller_stay() -> None:
    """Before HTTPX 0.28 those of a request are the caller's, who may use them for others, too."""
    extensions: dict[str, object] = {}
    hook = KoalaHook(["orders.internal"])
    for visitor in (ALICE, BOB):
        request = httpx.Request("GET", "http://orders.internal/")
        request.extensions = extensions
        with koala.profile(visitor):
            hook(request)
        assert request.headers[HEADER] == visitor
    assert extensions == {}


def test_httpx_redirect_after_another_hook_has_removed_the_header(service: Service) -> None:
    def remove(request: httpx.Request) -> None:
        request.headers.pop(HEADER, None)

    hooks: Hooks = {"request": [KoalaHook(["127.0.0.1"]), remove]}
    with (
        httpx.Client(event_hooks=hooks, follow_redirects=True, trust_env=False) as client,
        koala.profile(ALICE),
    ):
        client.get(service.url("127.0.0.1", "/to/" + service.url("localhost")))
    assert service.seen() == [("127.0.0.1", None), ("localhost", None)]


def test_aiohttp_baggage_in_several_headers_stays(service: Service) -> None:
    async def get() -> None:
        async with aiohttp.ClientSession(
            middlewares=[KoalaClientMiddleware(["127.0.0.1"])]
        ) as ours:
            headers = [("baggage", "a=1"), ("baggage", "b=2")]
            await ours.get(service.url("127.0.0.1"), headers=headers)

    with koala.profile(ALICE, options=koala.Options(header_name="baggage")):
        asyncio.run(get())
    assert service.seen("baggage") == [("127.0.0.1", f"a=1,b=2,koala.profile_id={ALICE}")]
