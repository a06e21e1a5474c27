"""Koala's visitor for any ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from koala_middleware import current, explanation
from koala_middleware.caching import replaced
from koala_middleware.factory import VisitorFactory
from koala_middleware.faults import log_once
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.request import RequestDetails
from koala_middleware.segment import instrument
from koala_middleware.visitor import NOBODY

if TYPE_CHECKING:
    from typing_extensions import Unpack

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class KoalaMiddleware:
    """ASGI 3 middleware that makes each request's visitor current.

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
        self._make_visitor = VisitorFactory(self.options, self.make_request).make_visitor
        self._enabled = self.options.enabled
        if self._enabled or explanation.everywhere:  # then events say that it is off
            instrument(flush_seconds=self.options.flush_seconds, threads=self.options.threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if not self._enabled:
            scope.setdefault("koala", NOBODY)
            await self.app(scope, receive, send)
            return
        try:
            headers = scope["headers"]
            # A copy, as the application may edit them.
            headers = tuple(headers) if type(headers) is list else _read_headers(scope)
        except KeyError:
            headers = ()
        visitor = self._make_visitor(headers, scope)
        # In the server's own scope, not in a copy, so that outer middleware can see it.
        scope["koala"] = visitor
        details = visitor.details
        if details is not None and details.new_ids:
            send = _setting_cookie(send, details)
        variable = current.variable
        token = variable.set(visitor)
        try:
            await self.app(scope, receive, send)
        finally:
            try:  # noqa: SIM105 (reset_after_await(), without the cost of one more call)
                variable.reset(token)
            except ValueError:
                pass
            if details is not None:
                details.detach()

    def make_request(self, scope: Scope) -> object:
        """Return what the options that take a request are called with."""
        return scope


def _read_headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    """Return the headers of a scope, and leave them for the application to read."""
    headers = scope["headers"]
    try:
        given = list(headers)
        # Falcon's test client sends an iterator of iterators.
        read: list[Any] = [
            pair if isinstance(pair, (tuple, list)) else tuple(pair) for pair in given
        ]
        if iter(headers) is headers or read != given:
            scope["headers"] = read  # for the application, which would find nothing left
    except Exception as fault:
        log_once("the headers of a scope cannot be read: its requests have no visitor", fault)
        return ()
    return read


def _setting_cookie(send: Send, details: RequestDetails) -> Send:
    """Wrap ``send`` to set the cookies of new ids."""

    async def send_with_cookie(message: Message) -> None:
        if message["type"] in _STARTS:
            raw = list(message.get("headers", ()))
            # A generator, so that what cannot be decoded fails where faults are handled.
            headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
            if cookie_headers := details.cookie_headers(message.get("status"), headers):
                encoded = [
                    (name.lower().encode(), value.encode("latin-1"))
                    for name, value in cookie_headers
                ]
                message = {**message, "headers": replaced(raw, encoded)}
        await send(message)

    return send_with_cookie
