"""The WSGI middleware."""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from wsgiref.util import FileWrapper

import a2wsgi
import pytest
import segment.analytics as analytics
from asgiref.wsgi import WsgiToAsgi
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client, run_wsgi_app

import koala_middleware as koala
from koala_middleware.cookies import LONGEST_VALUE
from koala_middleware.testing import capture_events
from koala_middleware.wsgi import KoalaMiddleware
from tests.visitors import ALICE, BOB

Seen = list[str | None]


def start_response(*args: Any) -> Callable[[bytes], object]:
    """Do nothing."""
    return len


def environ(profile_id: str | None = ALICE) -> dict[str, Any]:
    return {"HTTP_COOKIE": f"ko_id={profile_id}"} if profile_id else {}


def returning(body: object) -> KoalaMiddleware:
    """Wrap an application that returns ``body``."""
    return KoalaMiddleware(lambda environ, start_response: body)  # type: ignore[arg-type, return-value]


class Body:
    """Note who is current in each step, and count the closings."""

    def __init__(self, chunks: int = 2) -> None:
        self.seen: Seen = []
        self.closed = 0
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        self.seen.append(koala.get_profile_id())
        return Steps(self)

    def close(self) -> None:
        self.seen.append(koala.get_profile_id())
        self.closed += 1


class Steps:
    def __init__(self, body: Body) -> None:
        self.body = body
        self.left = body.chunks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.body.seen.append(koala.get_profile_id())
        if not self.left:
            raise StopIteration
        self.left -= 1
        return b"x"

    def close(self) -> None:
        raise AssertionError("the iterator was closed in place of the iterable")


def close(body: Iterable[bytes]) -> None:
    body.close()  # type: ignore[attr-defined]


def test_visitor_is_current_in_the_application() -> None:
    app = KoalaMiddleware(lambda environ, start_response: [str(koala.get_profile_id()).encode()])
    assert app(environ(ALICE), start_response) == [ALICE.encode()]
    assert app(environ(None), start_response) == [b"None"]
    assert koala.current_visitor() is None


def test_visitor_is_current_in_a_body_and_its_close() -> None:
    body = returning(inner := Body())(environ(), start_response)
    assert list(body) == [b"x", b"x"]
    close(body)
    assert inner.seen == [ALICE] * 5
    assert koala.current_visitor() is None


def test_visitor_is_current_in_a_generator_application() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            yield str(koala.get_profile_id()).encode()
        finally:
            seen.append(koala.get_profile_id())

    seen: Seen = []
    body = KoalaMiddleware(application)(environ(), start_response)
    assert next(iter(body)) == ALICE.encode()
    close(body)
    assert seen == [ALICE]


def test_visitor_stays_in_the_environ() -> None:
    env = environ()
    returning([])(env, start_response)
    assert env["koala.visitor"].profile_id == ALICE


def test_request_without_a_cookie_is_nobodys() -> None:
    env = environ(None)
    with koala.profile(BOB):
        body = returning(inner := Body())(env, start_response)
        list(body)
        assert koala.get_profile_id() == BOB
    assert set(inner.seen) == {None}
    assert env["koala.visitor"].profile_id is None


@pytest.mark.parametrize("options", [{}, {"header_name": "X-Visitor", "mint": koala.Mint()}])
def test_cookie_that_is_no_text_is_nobodys(
    options: dict[str, Any], events: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """The server is wrong, and the application goes on; the fault is logged once."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        analytics.track("u1", "E")
        return [str(koala.current_visitor()).encode()]

    env = {"HTTP_COOKIE": f"ko_id={ALICE}".encode()}
    bodies = [KoalaMiddleware(application, **options)(env, start_response) for _ in range(2)]
    assert bodies == [[b"None"]] * 2
    assert [event["properties"] for event in events] == [{}, {}]
    messages = [m for m in caplog.messages if "the Cookie header cannot be read" in m]
    assert len(messages) == 1
    assert ALICE not in caplog.text


def test_exception_of_the_application_passes_unchanged() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        raise error

    error = KeyError("x")
    with pytest.raises(KeyError) as raised:
        KoalaMiddleware(application)(environ(), start_response)
    assert raised.value is error
    assert koala.current_visitor() is None


def test_exception_of_a_body_passes_unchanged() -> None:
    def body() -> Iterator[bytes]:
        yield b"x"
        raise KeyError

    chunks = iter(returning(body())(environ(), start_response))
    assert next(chunks) == b"x"
    with pytest.raises(KeyError):
        next(chunks)
    assert koala.current_visitor() is None


@pytest.mark.parametrize("body", [[b"x"], (b"x",), []])
def test_list_and_tuple_pass_untouched(body: object) -> None:
    assert returning(body)(environ(), start_response) is body


def test_file_wrapper_passes_untouched() -> None:
    body = FileWrapper(io.BytesIO(b"x"))
    assert returning(body)(environ() | {"wsgi.file_wrapper": FileWrapper}, start_response) is body


def test_file_wrapper_that_is_a_function_passes_untouched() -> None:
    """uWSGI's returns the file it was given, and knows it again by its identity."""

    def application(environ: Any, start_response: Any) -> Any:
        return environ["wsgi.file_wrapper"](file, 8192)

    file = io.BytesIO(b"x")
    env = environ() | {"wsgi.file_wrapper": lambda file, size: file}
    assert KoalaMiddleware(application)(env, start_response) is file


@pytest.mark.parametrize("server", [{}, {"wsgi.file_wrapper": FileWrapper}])
def test_file_wrapper_of_the_server_stays(server: dict[str, Any]) -> None:
    env = environ() | server
    returning([])(env, start_response)
    assert env.get("wsgi.file_wrapper") is server.get("wsgi.file_wrapper")


def test_body_beside_a_file_wrapper_that_is_a_function() -> None:
    env = environ() | {"wsgi.file_wrapper": lambda file, size: file}
    body = returning(inner := Body())(env, start_response)
    list(body)
    assert inner.seen == [ALICE] * 4


def test_body_is_closed_once() -> None:
    body = returning(inner := Body())(environ(), start_response)
    close(body)
    close(body)
    assert (inner.closed, inner.seen) == (1, [ALICE])


def test_body_without_close() -> None:
    body = returning(iter([b"x"]))(environ(), start_response)
    assert list(body) == [b"x"]
    close(body)


def test_interleaved_bodies_keep_their_visitors() -> None:
    """A starts, B starts, A closes, B reads: in one thread, as a cooperative server does."""
    alice = returning(alices := Body())(environ(ALICE), start_response)
    bob = returning(bobs := Body())(environ(BOB), start_response)
    a, b = iter(alice), iter(bob)
    next(a)
    next(b)
    close(alice)
    next(b)
    close(bob)
    assert set(alices.seen) == {ALICE}
    assert set(bobs.seen) == {BOB}
    assert koala.current_visitor() is None


def test_body_finished_in_another_context() -> None:
    """A server may hand a body to another thread; no token may come along."""
    body = returning(inner := Body())(environ(), start_response)
    chunks = contextvars.Context().run(iter, body)
    assert contextvars.Context().run(list, chunks) == [b"x", b"x"]
    contextvars.Context().run(close, body)
    assert set(inner.seen) == {ALICE}


def test_options_are_obeyed() -> None:
    app = KoalaMiddleware(
        lambda environ, start_response: [str(koala.get_profile_id()).encode()],
        cookie_name="vid",
        parse=str.upper,
    )
    assert app({"HTTP_COOKIE": "vid=abc"}, start_response) == [b"ABC"]


def test_request_filter_gets_the_environ() -> None:
    app = KoalaMiddleware(
        lambda environ, start_response: [str(koala.current_visitor()).encode()],
        request_filter=lambda environ: environ["PATH_INFO"] != "/health",
    )
    env = environ() | {"PATH_INFO": "/health"}
    assert app(env, start_response) == [b"None"]
    assert env["koala.visitor"].profile_id is None
    assert app(environ() | {"PATH_INFO": "/"}, start_response) != [b"None"]


@pytest.mark.parametrize("admitted", [False, True])
def test_request_with_a_filter_keeps_its_options(
    admitted: bool, events: list[dict[str, Any]]
) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        with koala.profile(BOB):
            analytics.track("u1", "E")
        return []

    app = KoalaMiddleware(application, request_filter=lambda environ: admitted, property_name="vid")
    app({}, start_response)
    assert events[0]["properties"] == {"vid": BOB}


@pytest.mark.parametrize(("length", "read"), [(LONGEST_VALUE, True), (LONGEST_VALUE + 1, False)])
def test_header_is_bounded(length: int, read: bool) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        return [str(koala.get_profile_id()).encode()]

    app = KoalaMiddleware(application, header_name="X-Visitor", parse=str)
    body = app({"HTTP_X_VISITOR": "x" * length}, start_response)
    assert body == [b"x" * length if read else b"None"]


def test_failing_request_filter_refuses_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = KoalaMiddleware(
        lambda environ, start_response: [str(koala.get_profile_id()).encode()],
        request_filter=lambda environ: environ["no such key"],
    )
    assert [app(environ(), start_response), app(environ(), start_response)] == [
        [b"None"],
        [b"None"],
    ]
    (record,) = caplog.records
    assert "the request_filter failed: its requests have no visitor: KeyError" in record.message


def test_middleware_keeps_to_pep_3333() -> None:
    """Werkzeug's lint checks both sides of the middleware."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return iter([b"x", b"y"])

    client = Client(LintMiddleware(KoalaMiddleware(LintMiddleware(application))))
    assert client.get("/", headers={"Cookie": f"ko_id={ALICE}"}).data == b"xy"


def test_write_callable_is_passed_on() -> None:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(str(koala.get_profile_id()).encode())
        return []

    assert Client(KoalaMiddleware(application)).get("/").data == b"None"


def test_body_may_be_stepped_without_iter() -> None:
    assert next(returning(iter([b"x"]))(environ(), start_response)) == b"x"  # type: ignore[call-overload]


def simple(environ: Any, start_response: Any) -> Iterable[Any]:
    start_response("200 OK", [])
    return ["Hello World!"]


def yielding(environ: Any, start_response: Any) -> Iterator[Any]:
    start_response("200 OK", [])
    yield "Hello "
    yield "World!"


def starting_late(environ: Any, start_response: Any) -> Iterator[Any]:
    yield "Hello "
    yield "World"
    start_response("200 OK", [])
    yield "!"


class Closing:
    """An application whose body can be iterated over again."""

    open = 0

    def __call__(self, environ: Any, start_response: Any) -> Closing:
        start_response("200 OK", [])
        self.open += 1
        return self

    def __iter__(self) -> Iterator[Any]:
        yield "Hello "
        yield "World!"

    def close(self) -> None:
        self.open -= 1


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("app", [simple, yielding, starting_late, Closing()])
def test_body_may_be_read_on_by_another_iterator(app: Any, buffered: bool) -> None:
    """Werkzeug's own test_run_wsgi_apps: a first chunk is taken, the rest chained to it."""
    body, status, _ = run_wsgi_app(KoalaMiddleware(app), {}, buffered=buffered)
    assert (status, "".join(map(str, body))) == ("200 OK", "Hello World!")
    getattr(body, "close", bool)()
    assert not getattr(app, "open", 0)


def test_body_that_can_be_read_twice_still_can() -> None:
    body = returning(inner := Body())(environ(), start_response)
    first, second = iter(body), iter(body)
    assert [next(first), next(second), next(first), next(second)] == [b"x"] * 4
    assert [list(first), list(second), list(body)] == [[], [], [b"x", b"x"]]
    assert set(inner.seen) == {ALICE}


def test_body_that_is_read_once_is_its_own_iterator() -> None:
    body = returning(iter([b"x", b"y"]))(environ(), start_response)
    assert iter(body) is body
    assert [next(iter(body)), list(body), list(body)] == [b"x", [b"y"], []]


def test_body_has_a_length_where_the_applications_has() -> None:
    """A server takes the size of a single chunk for the Content-Length (PEP 3333)."""
    body: Any = returning(deque([b"x"]))(environ(), start_response)
    assert (len(body), list(body)) == (1, [b"x"])
    assert not hasattr(returning(iter([b"x"]))(environ(), start_response), "__len__")


def test_list_of_the_applications_own_is_scoped() -> None:
    class Closing(list[bytes]):
        def close(self) -> None:
            seen.append(koala.get_profile_id())

    seen: Seen = []
    close(returning(Closing())(environ(), start_response))
    assert seen == [ALICE]


def test_request_filter_runs_as_nobody() -> None:
    """A server may have left the visitor of the request before in its context."""

    def request_filter(environ: Any) -> bool:
        seen.append(koala.get_profile_id())
        return True

    seen: Seen = []
    app = KoalaMiddleware(lambda environ, start_response: [], request_filter=request_filter)
    with koala.profile(BOB):
        app(environ(), start_response)
    assert seen == [None]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_request_stays_itself_in_an_environ_that_is_used_again(fails: bool, streamed: bool) -> None:
    """As uWSGI does; a background thread may still work for the request before."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        carried.append(koala.carry(lambda: analytics.track("u1", "E")))
        if fails:
            raise LookupError
        return iter([b"x"]) if streamed else [b"x"]

    carried: list[Callable[[], object]] = []
    app = KoalaMiddleware(application, context={"page"}, email=lambda environ: environ["PATH_INFO"])
    env = environ(ALICE) | {"PATH_INFO": "/alice"}
    with suppress(LookupError):
        body = app(env, start_response)
        list(body)
        getattr(body, "close", bool)()
    env.clear()
    env["PATH_INFO"] = "/bob"
    with capture_events() as events:
        carried[0]()
    assert events[0]["context"]["page"] == {"path": "/alice"}
    assert events[0]["properties"] == {"profile_id": ALICE, "email": "/alice"}


@pytest.mark.parametrize("bridge", [a2wsgi.WSGIMiddleware, WsgiToAsgi])
def test_cookie_that_http_2_sent_in_pieces_is_found_behind_a_bridge(bridge: Any) -> None:
    """The pieces belong together with "; " (RFC 9113, section 8.2.3); bridges take a comma."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(koala.get_profile_id())
        start_response("200 OK", [])
        return []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    seen: Seen = []
    pieces = [b"a=b", f"ko_id={ALICE}".encode(), b"c=d"]
    scope: Any = {"type": "http", "http_version": "2", "method": "GET", "path": "/"}
    scope |= {"query_string": b"", "headers": [(b"cookie", piece) for piece in pieces]}
    asyncio.run(bridge(KoalaMiddleware(application))(scope, receive, send))
    assert seen == [ALICE]
