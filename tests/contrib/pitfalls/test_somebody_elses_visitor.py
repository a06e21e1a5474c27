"""Faults that gave code the visitor of another request."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

import koala_middleware as koala
from koala_middleware.contrib import django as koala_django
from tests.adapters import ASGI
from tests.contrib.pitfalls.visits import (
    ApplicationError,
    all_sites,
    app_of,
    django_async_stream,
    environ_of,
    fail,
    request_of,
    respond,
    scope_of,
    visit,
    who,
    who_twice,
    wsgi_sites,
)
from tests.processes import run_script
from tests.visitors import ALICE, BOB, start_response

asgi_sites = pytest.mark.parametrize("site", ASGI)


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


def test_interleaved_async_bodies_keep_their_own_visitors() -> None:
    """Follows from keeping the scope open until the body ends."""

    async def main() -> list[bytes]:
        alice, bob = django_async_stream(ALICE), django_async_stream(BOB)
        return [await anext(alice), await anext(bob), await anext(alice), await anext(bob)]

    assert asyncio.run(main()) == [ALICE.encode(), BOB.encode()] * 2
