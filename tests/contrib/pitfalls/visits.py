"""The requests of the pitfalls: several in one connection, at once, or one inside another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, StreamingHttpResponse
from werkzeug.test import create_environ

import koala_middleware as koala
from koala_middleware.contrib import django as koala_django
from tests.adapters import ASGI, SERVED, WSGI, Site, build
from tests.sites import asynchronous
from tests.visitors import cookie, start_response

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


def app_of(site: str, handler: Handler, **options: Any) -> Any:
    """Make an application that answers with what ``handler`` returns, or streams what it yields."""
    return build(site, Site(handler, options))


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


def django_async_stream(profile_id: str) -> AsyncIterator[bytes]:
    response = StreamingHttpResponse(asynchronous(who_twice()))
    middleware: Any = koala_django.KoalaMiddleware(lambda request: response)
    return aiter(middleware(request_of(profile_id)))
