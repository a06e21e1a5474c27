"""The floor: the least code that a team would write by hand, and a wrapper that does nothing.

Each reads the cookie by ``str.find``, validates it, and sets and resets a ContextVar around the
application. None leaves the visitor where others find it, reads anything else of a request, or
survives what browsers, servers and frameworks do; see ``tests/contrib/pitfalls``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

profile_id: ContextVar[str | None] = ContextVar("profile_id", default=None)
_is_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


def find(header: str | None) -> str | None:
    """Return the profile id in a ``Cookie`` header."""
    if header is None:
        return None
    start = header.find("ko_id=")
    if start < 0:
        return None
    end = header.find(";", start)
    value = header[start + 6 :] if end < 0 else header[start + 6 : end]
    return value if _is_uuid(value) else None


class WSGIFloor:
    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        token = profile_id.set(find(environ.get("HTTP_COOKIE")))
        try:
            return self.app(environ, start_response)
        finally:
            profile_id.reset(token)


class WSGIBodyFloor(WSGIFloor):
    """Keep the id in a body that is produced piece by piece, too."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found = find(environ.get("HTTP_COOKIE"))
        token = profile_id.set(found)
        try:
            return _Body(self.app(environ, start_response), found)
        finally:
            profile_id.reset(token)


class _Body:
    __slots__ = ("body", "found", "step")

    def __init__(self, body: Iterable[bytes], found: str | None) -> None:
        self.body = body
        self.found = found
        self.step = iter(body).__next__

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token = profile_id.set(self.found)
        try:
            return self.step()
        finally:
            profile_id.reset(token)

    def close(self) -> None:
        close = getattr(self.body, "close", None)
        if close is not None:
            token = profile_id.set(self.found)
            try:
                close()
            finally:
                profile_id.reset(token)


class ASGIFloor:
    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        found = None
        for name, value in scope["headers"]:
            if name == b"cookie":
                found = find(value.decode("latin-1"))
        token = profile_id.set(found)
        try:
            await self.app(scope, receive, send)
        finally:
            profile_id.reset(token)


def django_floor(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        token = profile_id.set(find(request.META.get("HTTP_COOKIE")))
        try:
            return get_response(request)
        finally:
            profile_id.reset(token)

    return middleware


def async_django_floor(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def middleware(request: Any) -> Any:
        token = profile_id.set(find(request.META.get("HTTP_COOKIE")))
        try:
            return await get_response(request)
        finally:
            profile_id.reset(token)

    return middleware
