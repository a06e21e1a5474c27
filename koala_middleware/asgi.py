"""Koala's visitor for any ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from koala_middleware.caching import replaced
from koala_middleware.faults import log_once
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.request import asks, visiting
from koala_middleware.segment import instrument
from koala_middleware.visitor import Visitor, reset_current, set_current

if TYPE_CHECKING:
    from typing_extensions import Unpack

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


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
        self._asks = asks(self.options)
        self._visit = visiting(self.options, self.request)
        instrument(flush_seconds=self.options.flush_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            headers = scope["headers"]
            # A copy, as the application may edit them.
            headers = tuple(headers) if type(headers) is list else _read_headers(scope)
        except KeyError:
            headers = ()
        visitor = self._visit(headers, scope)
        # In the server's own scope, not in a copy: code around the middleware shall see it.
        scope["koala"] = visitor
        if self._asks and visitor.minted is not None:
            send = _minting(send, visitor)
        token = set_current(visitor)
        try:
            await self.app(scope, receive, send)
        finally:
            try:  # noqa: SIM105 (reset_after_await(), without the cost of one more call)
                reset_current(token)
            except ValueError:
                pass
            if self._asks:
                visitor.end_request()

    def request(self, scope: Scope) -> object:
        """Return what a ``request_filter`` gets."""
        return scope


def _read_headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    """Return the headers of a scope, which the application can still read."""
    headers = scope["headers"]
    try:
        read = list(headers)
        if iter(headers) is headers:
            scope["headers"] = read  # for the application, which would find nothing left
    except Exception as fault:
        log_once("the headers of a scope cannot be read: its requests have no visitor", fault)
        return ()
    return read


def _minting(send: Send, visitor: Visitor) -> Send:
    """Wrap ``send`` to set the cookie of a minted profile id."""

    async def send_with_cookie(message: Message) -> None:
        if message["type"] in _STARTS:
            raw = list(message.get("headers", ()))
            # A generator, so that what cannot be decoded fails where faults are handled.
            headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
            if ours := visitor.cookie_headers(message.get("status"), headers):
                encoded = {name.lower().encode(): v.encode("latin-1") for name, v in ours.items()}
                message = {**message, "headers": replaced(raw, encoded)}
        await send(message)

    return send_with_cookie
