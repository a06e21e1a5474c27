"""Koala's visitor for Tornado."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakMethod, proxy

from koala_middleware import current, explanation
from koala_middleware.contrib._extras import needing
from koala_middleware.factory import VisitorFactory
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.request import RequestDetails
from koala_middleware.segment import instrument
from koala_middleware.sources import readers
from koala_middleware.visitor import NOBODY, Cookies, Visitor

with needing("tornado"):
    from tornado.httputil import (
        HTTPConnection,
        HTTPHeaders,
        HTTPMessageDelegate,
        HTTPServerConnectionDelegate,
        HTTPServerRequest,
        RequestStartLine,
        ResponseStartLine,
    )

if TYPE_CHECKING:
    from typing_extensions import Unpack

StartLine = RequestStartLine | ResponseStartLine


class KoalaMiddleware(HTTPServerConnectionDelegate):
    """The visitor for Tornado: ``HTTPServer(KoalaMiddleware(app)).listen(…)``.

    The visitor is current in handlers, in ``data_received()``, and in a websocket's messages. Code
    outside of them finds it at the ``koala_visitor`` of ``request.connection``.

    :param app: the ``tornado.web.Application``, or any other delegate.
    :param options: those of :class:`koala_middleware.Options`; a ``request_filter`` gets the
        :class:`tornado.httputil.HTTPServerRequest`.

    Raises TypeError for a function or a ``WSGIContainer``, and TypeError or ValueError for an
    option that is unknown or wrong.
    """

    def __init__(
        self, app: HTTPServerConnectionDelegate, **options: Unpack[OptionKeywords]
    ) -> None:
        if not isinstance(app, HTTPServerConnectionDelegate):
            raise TypeError(
                f"expected a tornado.web.Application or another delegate, got {app!r}; a WSGI "
                "application takes koala_middleware.wsgi.KoalaMiddleware, below its WSGIContainer"
            )
        self.app = app
        self.options: Options = options_from_keywords(options)
        factory = VisitorFactory(self.options, lambda request: request)
        self.make_visitor: Callable[[Cookies | None, Any], Visitor] = factory.make_visitor
        self.is_plain: bool = factory.is_plain
        if self.options.enabled or explanation.everywhere:  # then events say that it is off
            instrument(flush_seconds=self.options.flush_seconds, threads=self.options.threads)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        delegate = self.app.start_request(server_conn, request_conn)
        connection: Any = request_conn
        connection.koala_visitor = NOBODY
        return _Scoped(self, delegate, connection) if self.options.enabled else delegate

    def on_close(self, server_conn: object) -> None:
        self.app.on_close(server_conn)


class _Scoped(HTTPMessageDelegate):
    """What handles one request, as its visitor. Tasks that it starts keep the visitor."""

    def __init__(
        self, middleware: KoalaMiddleware, delegate: HTTPMessageDelegate, connection: Any
    ) -> None:
        self._middleware = middleware
        self._delegate = delegate
        self._connection = connection
        self._visitor: Visitor | None = None

    def headers_received(
        self, start_line: StartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._visitor = visitor = self._make_visitor(start_line, headers)
        self._connection.koala_visitor = visitor
        self._connection.set_close_callback = partial(
            _set_close_callback, visitor, _weakly(self._connection.set_close_callback)
        )
        if visitor.details is not None and visitor.details.new_ids:
            _set_cookie(self._connection, visitor.details)
        return self._call(self._delegate.headers_received, start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._call(self._delegate.data_received, chunk)

    def finish(self) -> None:
        current.call_as(self._visitor, self._delegate.finish)

    def on_connection_close(self) -> None:
        current.call_as(self._visitor, self._delegate.on_connection_close)

    def _call(
        self, method: Callable[..., Awaitable[None] | None], *args: object
    ) -> Awaitable[None] | None:
        """Call a method that may be a coroutine function, for the connection to await."""
        awaitable = current.call_as(self._visitor, method, *args)
        return awaitable and current.await_as(self._visitor, lambda: awaitable)

    def _make_visitor(self, start_line: Any, headers: HTTPHeaders) -> Visitor:
        request = None
        if not self._middleware.is_plain:
            # The connection has the visitor, who must not keep it alive.
            connection: Any = proxy(self._connection)
            request = HTTPServerRequest(
                connection=connection, start_line=start_line, headers=headers
            )
        cookies = "; ".join(headers.get_list("Cookie"))
        return self._middleware.make_visitor(cookies, request)


def _weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a connection's method for a replacement, which must not keep it alive, to call."""
    if not isinstance(method, MethodType):  # somebody else's replacement
        return method
    reference: Any = WeakMethod(method)
    return lambda *args, **kwargs: reference()(*args, **kwargs)


def _set_close_callback(
    visitor: Visitor, set_close_callback: Any, callback: Callable[[], None] | None
) -> None:
    """Have a request's visitor current when its connection ends.

    Else it would be whoever was when the server first waited for the connection, which is older.
    """
    scoped = None if callback is None else partial(current.call_as, visitor, callback)
    set_close_callback(scoped)


def _set_cookie(connection: Any, details: RequestDetails) -> None:
    """Make a connection, which is one request's, set the cookies of new ids."""
    write_headers = _weakly(connection.write_headers)

    def write_headers_with_cookie(
        start_line: ResponseStartLine, headers: HTTPHeaders, *args: Any, **kwargs: Any
    ) -> Any:
        cookie_headers = details.cookie_headers(start_line.code, headers.get_all())
        for name, value in cookie_headers:
            put = headers.add if name == "Set-Cookie" else headers.__setitem__
            put(name, value)
        return write_headers(start_line, headers, *args, **kwargs)

    connection.write_headers = write_headers_with_cookie


class _TornadoSource:
    """Read a Tornado request."""

    __slots__ = ("_request",)

    def __init__(self, request: HTTPServerRequest) -> None:
        self._request = request

    def header(self, name: str) -> str | None:
        return self._request.headers.get(name)

    @property
    def cookies(self) -> str | None:
        return "; ".join(self._request.headers.get_list("Cookie")) or None

    @property
    def scheme(self) -> str:
        return self._request.protocol

    @property
    def method(self) -> str:
        return self._request.method or "GET"

    @property
    def path(self) -> str:
        return unquote(self._request.path)

    @property
    def query(self) -> str:
        return self._request.query

    @property
    def peer(self) -> str | None:
        return self._request.remote_ip


readers[HTTPServerRequest] = _TornadoSource
