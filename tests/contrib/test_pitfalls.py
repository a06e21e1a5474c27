"""Faults that comparable projects shipped, each with the promise that it is not ours.

A docstring names the issue or pull request of the project that had the fault.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import io
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.util import FileWrapper

import asgiref.sync
import flask
import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.utils.functional import SimpleLazyObject
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from werkzeug.test import create_environ

import koala_middleware as koala
from koala_middleware import asgi, wsgi
from koala_middleware.contrib import django as koala_django
from koala_middleware.contrib import starlette as koala_starlette
from tests.adapters import ASGI, SERVED, WSGI, Site, build
from tests.processes import run_script
from tests.sites import asynchronous
from tests.visitors import ALICE, BOB, cookie, start_response

Handler = Callable[[], Any]


def who() -> bytes:
    """Answer with the current visitor."""
    return (koala.get_profile_id() or "nobody").encode()


def who_twice() -> Iterator[bytes]:
    """Stream the current visitor, once in each step."""
    yield who()
    yield who()


class ApplicationError(Exception):
    """What an application raises."""


def fail() -> bytes:
    raise ApplicationError(koala.get_profile_id())


all_sites = pytest.mark.parametrize("site", SERVED)
wsgi_sites = pytest.mark.parametrize("site", WSGI)
asgi_sites = pytest.mark.parametrize("site", ASGI)


def app_of(site: str, handler: Handler, **options: Any) -> Any:
    """Make an application that answers with what ``handler`` returns, or streams what it yields."""
    return build(site, Site(handler, options))


@pytest.fixture(autouse=True)
def django_lets_exceptions_pass() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=None, DEBUG_PROPAGATE_EXCEPTIONS=True):
        yield


def environ_of(profile_id: str | None) -> dict[str, Any]:
    return create_environ(headers=cookie(profile_id) if profile_id else None)


def scope_of(profile_id: str | None) -> dict[str, Any]:
    headers = [(b"cookie", f"ko_id={profile_id}".encode())] if profile_id else []
    server: dict[str, Any] = {"type": "http", "method": "GET", "http_version": "1.1"}
    return {**server, "path": "/", "query_string": b"", "headers": headers}


def request_of(profile_id: str) -> Any:
    request = HttpRequest()
    request.META["HTTP_COOKIE"] = f"ko_id={profile_id}"
    return request


async def respond(app: Any, scope: dict[str, Any]) -> str:
    """Play an ASGI server for one request, in this task, and return the body."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    body = b""

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        nonlocal body
        body += message.get("body", b"")

    await app(scope, receive, send)
    return body.decode()


def visit(
    site: str, handler: Handler, *profile_ids: str | None, **options: Any
) -> list[tuple[str | ApplicationError, str | None]]:
    """Send the requests of one connection, one after another, in one context.

    Returns what each was answered, or what was raised, and who was current when it had ended.
    """
    app = app_of(site, handler, **options)
    visits: list[tuple[str | ApplicationError, str | None]] = []

    async def send_requests() -> None:
        for profile_id in profile_ids:
            try:
                if site in ASGI:
                    answer: str | ApplicationError = await respond(app, scope_of(profile_id))
                else:
                    answer = read(app(environ_of(profile_id), start_response))
            except ApplicationError as error:
                answer = error
            visits.append((answer, koala.get_profile_id()))

    asyncio.run(send_requests())
    return visits


def read(body: Any) -> str:
    """Play a WSGI server for one body."""
    try:
        return b"".join(body).decode()
    finally:
        getattr(body, "close", int)()


# Somebody else's visitor


@all_sites
def test_next_request_of_a_connection_has_its_own_visitor(site: str) -> None:
    """uvicorn #2167, cpython #140947, starlette #2335"""
    with koala.profile(BOB):  # the context that the server left to the next request
        assert visit(site, who, ALICE, None) == [(ALICE, BOB), ("nobody", BOB)]


@asgi_sites
def test_request_that_starts_inside_the_previous_one_has_its_own_visitor(site: str) -> None:
    """uvicorn #2167: the server starts a pipelined request in the last send() of another."""
    app = app_of(site, who)
    pipelined: list[asyncio.Task[str]] = []

    async def server(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_go_on(message: Any) -> None:
            await send(message)
            if message.get("body"):
                pipelined.append(asyncio.create_task(respond(app, scope_of(None))))

        await app(scope, receive, send_and_go_on)

    async def main() -> list[str]:
        return [await respond(server, scope_of(ALICE)), await pipelined[0]]

    assert asyncio.run(main()) == [ALICE, "nobody"]


@all_sites
def test_nobody_is_left_after_an_exception(site: str) -> None:
    """starlette-context PR 76"""
    assert [left for _, left in visit(site, fail, ALICE, None)] == [None, None]


def test_nobody_is_left_after_an_exception_in_async_django() -> None:
    """starlette-context PR 76; Django's handler hides it in a task of its own."""

    async def get_response(request: HttpRequest) -> HttpResponseBase:
        raise ApplicationError

    middleware: Any = koala_django.KoalaMiddleware(get_response)

    async def main() -> str | None:
        with pytest.raises(ApplicationError):
            await middleware(request_of(ALICE))
        return koala.get_profile_id()

    assert asyncio.run(main()) is None


@all_sites
def test_nobody_is_left_after_a_request(site: str) -> None:
    """asgi-correlation-id, which did not reset at all"""
    assert visit(site, who, ALICE, None) == [(ALICE, None), ("nobody", None)]


@all_sites
def test_filtered_request_has_nobody_whoever_came_before(site: str) -> None:
    """django-guid, whose ignored URLs read the previous value"""
    with koala.profile(BOB):
        visits = visit(site, who, ALICE, request_filter=lambda request: False)
    assert visits == [("nobody", BOB)]


@wsgi_sites
def test_nobody_is_left_by_a_body_that_is_never_closed(site: str) -> None:
    """django-guid, whose reset hung on close()"""
    body = app_of(site, who_twice)(environ_of(ALICE), start_response)
    assert next(iter(body)) == ALICE.encode()
    assert koala.current_visitor() is None
    body.close()


def test_visitor_cannot_be_written_to() -> None:
    """starlette-context #146: attributes set on a module-level proxy are shared by all requests."""
    with koala.profile(ALICE) as visitor:
        for name in ("profile_id", "anonymous_id", "plan"):
            with pytest.raises(AttributeError):
                setattr(visitor, name, BOB)


def test_public_names_are_functions_and_classes() -> None:
    """starlette-context #146: so there is no object to set an attribute on."""
    public = [getattr(koala, name) for name in koala.__all__]
    assert all(inspect.isfunction(thing) or inspect.isclass(thing) for thing in public)


GEVENT = """
from gevent import monkey; monkey.patch_all()
import uuid
import gevent, gevent.event, gevent.pool, gevent.pywsgi
import segment.analytics as analytics
from http.client import HTTPConnection
import koala_middleware as koala
from koala_middleware.testing import capture_events
from koala_middleware.wsgi import KoalaMiddleware

VISITORS = [str(uuid.uuid4()) for _ in range(300)]
here, all_here = [], gevent.event.Event()

def app(environ, start_response):
    here.append(environ)
    if len(here) == len(VISITORS):
        all_here.set()
    all_here.wait()
    analytics.track(environ["PATH_INFO"], "view")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return body(environ)

def body(environ):
    for step in range(3):
        yield (koala.get_profile_id() or "nobody").encode() + b" "
        gevent.sleep(0)
        analytics.track(environ["PATH_INFO"], "step")
    yield gevent.spawn(koala.carry(koala.get_profile_id)).get().encode()

def browse(visitor):
    connection = HTTPConnection(*server.address, timeout=60)
    connection.request("GET", "/" + visitor, headers={"Cookie": "ko_id=" + visitor})
    answer = connection.getresponse().read().decode().split()
    connection.close()
    assert answer == [visitor] * 4, (visitor, answer)

server = gevent.pywsgi.WSGIServer(
    ("127.0.0.1", 0), KoalaMiddleware(app), backlog=len(VISITORS), log=None
)
with capture_events() as events:
    server.start()
    gevent.pool.Group().map(browse, VISITORS)
    server.stop()
assert all(event["userId"] == "/" + event["properties"]["profile_id"] for event in events)
print(len(here), len(events))
"""


def test_concurrent_greenlets_keep_their_own_visitors() -> None:
    """sentry-python #216, #677, #1063; and #1028 for gevent.spawn"""
    assert run_script(GEVENT, "-W", "ignore").strip() == "300 1200"


FORK = f"""
import multiprocessing, os
import koala_middleware as koala
from koala_middleware.wsgi import KoalaMiddleware

def fork():
    child = os.fork()
    if child == 0:
        print("fork", koala.current_visitor(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)

def work():
    print("process", koala.current_visitor(), flush=True)

def app(environ, start_response):
    fork()
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    print("parent", koala.get_profile_id(), flush=True)
    return []

KoalaMiddleware(app)({{"HTTP_COOKIE": "ko_id={ALICE}"}}, None)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_child_starts_with_nobody() -> None:
    """posthog-python PR 806"""
    assert run_script(FORK, "-W", "ignore").splitlines() == [
        "fork None",
        "process None",
        f"parent {ALICE}",
    ]


def test_carry_takes_no_other_context_variable() -> None:
    """hatchet #1711"""
    other: contextvars.ContextVar[str] = contextvars.ContextVar("other", default="unset")
    other.set("set")
    with koala.profile(ALICE):
        work = koala.carry(lambda: (koala.get_profile_id(), other.get()))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == (ALICE, "unset")


@wsgi_sites
def test_interleaved_bodies_keep_their_own_visitors(site: str) -> None:
    """Follows from keeping the scope open until close()."""
    app = app_of(site, who_twice)
    alice, bob = (app(environ_of(visitor), start_response) for visitor in (ALICE, BOB))
    alice_steps, bob_steps = iter(alice), iter(bob)
    assert [next(alice_steps), next(bob_steps)] == [ALICE.encode(), BOB.encode()]
    alice.close()
    assert next(bob_steps) == BOB.encode()
    bob.close()


def django_async_stream(profile_id: str) -> AsyncIterator[bytes]:
    response = StreamingHttpResponse(asynchronous(who_twice()))
    middleware: Any = koala_django.KoalaMiddleware(lambda request: response)
    return aiter(middleware(request_of(profile_id)))


def test_interleaved_async_bodies_keep_their_own_visitors() -> None:
    """Follows from keeping the scope open until the body ends."""

    async def main() -> list[bytes]:
        alice, bob = django_async_stream(ALICE), django_async_stream(BOB)
        return [await anext(alice), await anext(bob), await anext(alice), await anext(bob)]

    assert asyncio.run(main()) == [ALICE.encode(), BOB.encode()] * 2


# The visitor is gone


@all_sites
def test_each_step_of_a_body_has_its_visitor(site: str) -> None:
    """OTel contrib #4681, elastic-apm #201, PostHog's Django and Flask integrations"""
    assert visit(site, who_twice, ALICE, None) == [(ALICE * 2, None), ("nobody" * 2, None)]


@wsgi_sites
def test_close_of_a_body_has_its_visitor(site: str) -> None:
    """OTel contrib #4681, elastic-apm #201"""
    closed_by: list[bytes] = []

    def stream() -> Iterator[bytes]:
        try:
            yield b"more"
        finally:
            closed_by.append(who())

    body = app_of(site, stream)(environ_of(ALICE), start_response)
    assert next(iter(body)) == b"more"
    body.close()
    assert closed_by == [ALICE.encode()]


@pytest.mark.parametrize("middleware", [asgi.KoalaMiddleware, koala_starlette.KoalaMiddleware])
def test_context_variables_of_the_application_reach_the_server(middleware: Any) -> None:
    """starlette #1081: BaseHTTPMiddleware runs the application in a task of its own."""
    access_log: contextvars.ContextVar[str] = contextvars.ContextVar("access_log", default="lost")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        access_log.set("kept")
        await PlainTextResponse("")(scope, receive, send)

    async def main() -> str:
        await respond(middleware(app), scope_of(ALICE))
        return access_log.get()

    assert asyncio.run(main()) == "kept"


@pytest.mark.parametrize("middleware", [asgi.KoalaMiddleware, koala_starlette.KoalaMiddleware])
def test_websocket_has_its_visitor(middleware: Any) -> None:
    """starlette #1081: BaseHTTPMiddleware does not see websockets."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_bytes(who())
        await websocket.close()

    client = TestClient(middleware(Starlette(routes=[WebSocketRoute("/", endpoint)])))
    with client.websocket_connect("/", headers=cookie(ALICE)) as websocket:
        assert websocket.receive_bytes() == ALICE.encode()


def test_copied_request_context_leaves_the_visitor_to_the_view() -> None:
    """OTel contrib #267, #868, flask-debugtoolbar: Flask runs teardown once for the copy, too."""

    def handler() -> bytes:
        copy = flask.copy_current_request_context(who)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy).result()
        copy()
        return who()

    assert visit("flask", handler, ALICE) == [(ALICE, None)]


@all_sites
def test_thread_of_a_pool_has_the_visitor_it_was_carried(site: str) -> None:
    """fastapi #953, #2776, sentry-python #1028"""

    def handler() -> bytes:
        with ThreadPoolExecutor(1) as pool:
            results = [pool.submit(koala.carry(who)).result(), pool.submit(who).result()]
        return b" ".join(results)

    assert visit(site, handler, ALICE) == [(f"{ALICE} nobody", None)]


def test_request_tells_an_outer_error_handler_of_django() -> None:
    """asgi-correlation-id #19, #55, starlette-context #74"""
    request = request_of(ALICE)

    def get_response(request: HttpRequest) -> HttpResponseBase:
        raise ApplicationError

    with pytest.raises(ApplicationError):
        koala_django.KoalaMiddleware(get_response)(request)
    assert request.koala.profile_id == ALICE


async def async_get_response(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(asynchronous(who_twice()))


def test_lazy_user_is_not_touched() -> None:
    """posthog-python #355: in async Django that is a query of the database where none may be."""
    request = request_of(ALICE)
    request.user = SimpleLazyObject(fail)

    async def main() -> None:
        middleware: Any = koala_django.KoalaMiddleware(async_get_response)
        response = await middleware(request)
        assert [chunk async for chunk in response] == [ALICE.encode()] * 2
        await asgiref.sync.sync_to_async(response.close)()

    asyncio.run(main())


def test_coroutine_flag_is_that_of_asgiref() -> None:
    """sentry-python #1014, django-permissions-policy #425: other flags mean nothing on 3.12."""
    is_async = asgiref.sync.iscoroutinefunction
    assert is_async(koala_django.KoalaMiddleware(async_get_response))
    assert not is_async(koala_django.KoalaMiddleware(lambda request: HttpResponse()))
    marked = koala_django.KoalaMiddleware(async_get_response)
    assert is_async(koala_django.KoalaMiddleware(marked))


@pytest.mark.parametrize("site", ["django-wsgi", "django-asgi"])
def test_close_of_a_django_response_has_its_visitor(site: str) -> None:
    """openedx/credentials, which tracks from HttpResponse.close()"""
    closed_by: list[bytes] = []

    class Tracking(HttpResponse):
        def close(self) -> None:
            closed_by.append(who())
            super().close()

    assert visit(site, Tracking, ALICE) == [("", None)]
    assert closed_by == [ALICE.encode()]


# The server or the application breaks


@wsgi_sites
def test_body_may_be_read_in_any_context_and_thread(site: str) -> None:
    """opentelemetry-python #2606, asgiref #267, flask #6123: a token of another context"""
    body = app_of(site, who_twice)(environ_of(ALICE), start_response)
    steps = contextvars.copy_context().run(iter, body)
    assert contextvars.copy_context().run(next, steps) == ALICE.encode()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(next, steps).result() == ALICE.encode()
        pool.submit(body.close).result()
    assert koala.current_visitor() is None


def test_async_body_may_be_read_in_any_task() -> None:
    """opentelemetry-python #2606, asgiref #267, fastapi-events #5"""

    async def step(body: AsyncIterator[bytes]) -> bytes:
        return await anext(body)

    async def main() -> list[bytes]:
        body = django_async_stream(ALICE)
        return [await asyncio.create_task(step(body)) for _ in range(2)]

    assert asyncio.run(main()) == [ALICE.encode()] * 2


def test_abandoned_request_may_be_closed_in_any_context() -> None:
    """opentelemetry-python #2606: the garbage collector closes it where it happens to run."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)

    middleware: Any = asgi.KoalaMiddleware(app)
    request = middleware(scope_of(ALICE), None, None)
    contextvars.copy_context().run(request.send, None)
    with koala.profile(BOB):
        request.close()
        assert koala.get_profile_id() == BOB


def test_abandoned_request_of_django_may_be_closed_in_any_context() -> None:
    """opentelemetry-python #2606"""

    async def get_response(request: HttpRequest) -> HttpResponseBase:
        await asyncio.sleep(0)
        return HttpResponse()

    request: Any = koala_django.KoalaMiddleware(get_response)(HttpRequest())
    contextvars.copy_context().run(request.send, None)
    with koala.profile(BOB):
        request.close()
        assert koala.get_profile_id() == BOB


class Body:
    """A body whose iterator is another object, with a close() of its own."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        return BodySteps(self)

    def close(self) -> None:
        self.closed.append("body")


class BodySteps:
    def __init__(self, body: Body) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise StopIteration

    def close(self) -> None:
        self.body.closed.append("steps")


@pytest.mark.parametrize("iterated", [True, False])
def test_body_itself_is_closed_once(iterated: bool) -> None:
    """dd-trace-py #5325, werkzeug #1259, raven-python #885"""
    body = Body()
    scoped: Any = wsgi.KoalaMiddleware(lambda environ, start_response: body)({}, start_response)
    if iterated:
        assert list(scoped) == []
    scoped.close()
    scoped.close()
    assert body.closed == ["body"]


@pytest.mark.parametrize("body", [[b"1", b"2"], [], (b"1",)])
def test_list_passes_through(body: Any) -> None:
    """OTel contrib, sentry-python: a server computes Content-Length if len() is 1."""
    app = wsgi.KoalaMiddleware(lambda environ, start_response: body)
    assert app({}, start_response) is body


def uwsgi_file_wrapper(file: Any, size: int = 0) -> Any:
    """Return the file itself, as uWSGI's does, which then offloads a body that is this object."""
    return file


file_wrappers = pytest.mark.parametrize("file_wrapper", [FileWrapper, uwsgi_file_wrapper])


@file_wrappers
def test_file_wrapper_passes_through(file_wrapper: Any) -> None:
    """OTel contrib, sentry-python #5107"""
    wrapped: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        wrapped.append(environ["wsgi.file_wrapper"](io.BytesIO(b"content"), 8))
        return wrapped[0]

    environ = {"wsgi.file_wrapper": file_wrapper}
    body = wsgi.KoalaMiddleware(app)(environ, start_response)
    assert body is wrapped[0]
    assert b"".join(body) == b"content"


@file_wrappers
@pytest.mark.parametrize(
    ("site", "send_file"),
    [
        pytest.param("flask", lambda file: flask.send_file(file, "text/plain"), id="Flask"),
        pytest.param("django-wsgi", FileResponse, id="Django"),
    ],
)
def test_file_of_a_framework_passes_through(
    site: str, send_file: Any, file_wrapper: Any, tmp_path: Path
) -> None:
    """OTel contrib, sentry-python #5107"""
    (tmp_path / "file.txt").write_text("content")
    file = (tmp_path / "file.txt").open("rb")
    environ = environ_of(ALICE) | {"wsgi.file_wrapper": file_wrapper}
    with closing(app_of(site, lambda: send_file(file))(environ, start_response)) as body:
        assert body is file or body.filelike is file
        assert b"".join(body) == b"content"


@file_wrappers
def test_body_of_another_kind_beside_a_file_wrapper_is_scoped(file_wrapper: Any) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["wsgi.file_wrapper"](io.BytesIO(), 8)
        return who_twice()

    environ = environ_of(ALICE) | {"wsgi.file_wrapper": file_wrapper}
    assert read(wsgi.KoalaMiddleware(app)(environ, start_response)) == ALICE * 2


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"{{{ALICE}}}", id="braces"),
        pytest.param(f"urn:uuid:{ALICE}", id="urn"),
        pytest.param(ALICE.replace("-", ""), id="no hyphens"),
        pytest.param(ALICE[:-1] + "-" * 8000 + ALICE[-1], id="8,000 hyphens"),
        pytest.param("-".join(ALICE.replace("-", "")), id="a hyphen after each digit"),
        pytest.param(f"{ALICE}0", id="one digit more"),
        pytest.param(f"x{ALICE}", id="something before"),
        pytest.param(f"{ALICE}\n", id="newline"),
        pytest.param(ALICE.replace("3", "\u0663"), id="digits that are not ASCII"),
        pytest.param(ALICE * 1000, id="36,000 characters"),
    ],
)
def test_only_a_whole_uuid_is_a_profile_id(value: str) -> None:
    """Three correlation-id libraries, which asked uuid.UUID()"""
    assert koala.parse_profile_id(value) is None


def raise_value(value: str) -> NoReturn:
    raise ApplicationError(value)


def raise_request(request: Any) -> NoReturn:
    raise ApplicationError(getattr(request, "environ", getattr(request, "scope", request)))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="no uuid"),
        pytest.param({"parse": raise_value}, id="parse that quotes it"),
        pytest.param({"request_filter": raise_request}, id="request filter that quotes it"),
    ],
)
@all_sites
def test_rejected_value_is_not_logged(
    site: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """asgi-correlation-id PR 71"""
    caplog.set_level(logging.DEBUG)
    assert visit(site, who, "evil%0aINFO:evil", **options) == [("nobody", None)]
    assert "evil" not in caplog.text


HEADERS = [("X-Correlation-ID", "the application's"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def test_wsgi_headers_are_left_alone() -> None:
    """django-guid #95"""
    seen: list[object] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", HEADERS)
        return []

    def note(*said: object) -> Callable[[bytes], object]:
        seen.append(said)
        return bytes

    wsgi.KoalaMiddleware(app)(environ_of(ALICE), note)
    assert seen == [("404 Not Found", HEADERS)]


def test_asgi_headers_are_left_alone() -> None:
    """django-guid #95"""
    seen: list[object] = []

    def message() -> dict[str, Any]:
        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
        return {"type": "http.response.start", "status": 404, "headers": headers}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message())

    async def send(message: Any) -> None:
        seen.append(message)

    middleware: Any = asgi.KoalaMiddleware(app)
    asyncio.run(middleware(scope_of(ALICE), None, send))
    assert seen == [message()]


def test_django_headers_are_left_alone() -> None:
    """django-guid #95"""
    given = HttpResponse(status=404, headers=dict(HEADERS[:1]))
    given.set_cookie("a", "1")
    before = given.serialize_headers(), given.cookies.output()
    response: Any = koala_django.KoalaMiddleware(lambda request: given)(request_of(ALICE))
    assert response is given
    assert (response.serialize_headers(), response.cookies.output()) == before
