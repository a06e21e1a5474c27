"""A cookie that only our middleware sees, and what must then be true in the application.

The suites' tests compare headers, so they must not meet a cookie that they did not send: it is
lent just above our middleware, and taken back just below.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from itertools import count
from typing import Any

from segment.analytics.client import Client

_client = Client("key", send=False)
_numbers: Iterator[int] = count(1)


_MINTS = ("vary", b"vary", "cache-control", b"cache-control")


class LentCookie(str):
    """A ``Cookie`` header of a WSGI environ, and the one that it stands in for."""

    __slots__ = ("given",)
    given: str | None


class LentHeaders(list[Any]):
    """The headers of an ASGI scope with a cookie among them, and those that they stand in for."""

    __slots__ = ("given",)
    given: Any


def next_profile_id() -> str:
    return f"07e57000-0000-4000-8000-{next(_numbers):012x}"


def lend_to_environ(environ: dict[str, Any]) -> None:
    given = environ.get("HTTP_COOKIE")
    if not given:
        cookie = LentCookie(f"ko_id={next_profile_id()}")
        cookie.given = given
        environ["HTTP_COOKIE"] = cookie


def take_back_from_environ(environ: dict[str, Any]) -> None:
    cookie = environ.get("HTTP_COOKIE")
    if isinstance(cookie, LentCookie):
        if cookie.given is None:
            del environ["HTTP_COOKIE"]
        else:
            environ["HTTP_COOKIE"] = cookie.given
        check(cookie)


def lend_to_scope(scope: Any, cookie: str | None = None) -> None:
    if scope.get("type") not in ("http", "websocket"):
        return  # nobody sends one
    given = scope.get("headers")
    if isinstance(given, Iterator):  # Falcon's, of pairs that are iterators, too
        scope["headers"] = given = [tuple(pair) for pair in given]
    if isinstance(given, list | tuple) and not any(
        name.lower() == b"cookie" and value for name, value in given
    ):
        cookie = cookie or f"ko_id={next_profile_id()}"
        headers = LentHeaders([*given, (b"cookie", cookie.encode())])
        headers.given = given
        scope["headers"] = headers


def take_back_from_scope(scope: Any) -> None:
    headers = scope.get("headers")
    if isinstance(headers, LentHeaders):
        scope["headers"] = headers.given
        check(headers[-1][1].decode())


def check(cookie: str) -> None:
    """Report an event that is not the visitor's, as a fault of ours."""
    profile_id = cookie.removeprefix("ko_id=")
    _, message = _client.track("u1", "Tested")
    tracked = message["properties"].get("profile_id")
    if tracked != profile_id:
        report(f"tracked as {tracked}, not as {profile_id}")


def check_headers(given: Any, headers: Any) -> None:
    """Report headers that have changed in another way than ``mint`` has to change them."""
    if headers is not given and _others(headers) != _others(given):
        report(f"{_others(given)} became {_others(headers)}")


def _others(headers: Any) -> list[Any]:
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _MINTS and value[:6] not in ("ko_id=", b"ko_id=")
    ]


def report(fault: str) -> None:
    """Add a line to the faults of this run."""
    with open(os.environ["KOALA_AROUND_FAULTS"], "a") as faults:
        faults.write(fault.replace("\n", " | ") + "\n")


class Reporter(logging.Handler):
    """What our middleware logs is a fault: it never has a reason to, in these suites."""

    def emit(self, record: logging.LogRecord) -> None:
        report(record.getMessage())
