"""Koala's visitor for any ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.segment import instrument
from koala_middleware.visitor import Visitor, admits, await_as

if TYPE_CHECKING:
    from typing_extensions import Unpack

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class KoalaMiddleware:
    """Make the visitor of each request current while the application handles it (ASGI 3).

    For ``http`` and ``websocket`` scopes; others pass through. The visitor stays at
    ``scope["koala"]`` for code outside.

    :param app: the ASGI application.
    :param options: those of :class:`koala_middleware.Options`; a ``request_filter`` gets the
        scope.

    Raises TypeError or ValueError for an option that is unknown or wrong.
    """

    def __init__(self, app: ASGIApp, **options: Unpack[OptionKeywords]) -> None:
        self.app = app
        self.options: Options = options_from_keywords(options)
        instrument()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        admitted = admits(self.options, self.request, scope)
        cookies = cookie_header(scope["headers"]) if admitted else None
        # In the server's own scope, not in a copy: code around the middleware shall see it.
        visitor = scope["koala"] = Visitor(None, None, cookies, self.options)
        await await_as(visitor, self.app, scope, receive, send)

    def request(self, scope: Scope) -> object:
        """Return what a ``request_filter`` gets."""
        return scope


def cookie_header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the ``Cookie`` header of an ASGI scope as one text, or None.

    HTTP/2 clients may send it in pieces (RFC 9113, section 8.2.3), which belong together as
    ``"; "``.
    """
    pieces = [value for name, value in headers if name == b"cookie"]
    return b"; ".join(pieces).decode("latin-1") if pieces else None
