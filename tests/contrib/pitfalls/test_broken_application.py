"""Faults that broke the server or the application."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.util import FileWrapper

import flask
import pytest
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

import koala_middleware as koala
from koala_middleware import asgi, wsgi
from koala_middleware.contrib import django as koala_django
from tests.contrib.pitfalls.visits import (
    ApplicationError,
    all_sites,
    app_of,
    django_async_stream,
    environ_of,
    read,
    request_of,
    scope_of,
    visit,
    who,
    who_twice,
    wsgi_sites,
)
from tests.visitors import ALICE, BOB, start_response


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
