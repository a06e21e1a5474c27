"""Our middleware in the servers that have neither WSGI nor ASGI: aiohttp's and Tornado's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import mode, visits


def set_up_aiohttp(app: Any) -> None:
    from koala_middleware.contrib.aiohttp import setup

    if mode.LENDS:
        app.middlewares.insert(0, _aiohttp_middleware(_take_back_from_aiohttp))
    setup(app, **mode.OPTIONS)
    if mode.LENDS:
        app.middlewares.insert(0, _aiohttp_middleware(_lend_to_aiohttp))


def _aiohttp_middleware(change: Callable[[Any], None]) -> Any:
    from aiohttp import web

    @web.middleware
    async def middleware(request: Any, handler: Any) -> Any:
        change(request)
        return await handler(request)

    return middleware


def _lend_to_aiohttp(request: Any) -> None:
    from multidict import CIMultiDict, CIMultiDictProxy

    if "Cookie" not in request.headers:
        request.given_headers = request.headers
        cookie = f"ko_id={visits.next_profile_id()}"
        _set_headers(request, CIMultiDictProxy(CIMultiDict(request.headers, Cookie=cookie)))


def _take_back_from_aiohttp(request: Any) -> None:
    given = vars(request).pop("given_headers", None)
    if given is not None:
        cookie = request.headers["Cookie"]
        _set_headers(request, given)
        visits.check(cookie)


def _set_headers(request: Any, headers: Any) -> None:
    request._headers = headers
    request._cache.pop("headers", None)


def wrap_tornado(app: Any) -> Any:
    """Wrap what a server of Tornado's calls, unless it is a function."""
    from tornado.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate

    from koala_middleware.contrib.tornado import KoalaMiddleware

    if not isinstance(app, HTTPServerConnectionDelegate):
        return app
    if not mode.LENDS:
        return KoalaMiddleware(app, **mode.OPTIONS)

    class Changing(HTTPServerConnectionDelegate):
        """Change the headers of each request."""

        def __init__(self, app: Any, change: Callable[[Any], Any]) -> None:
            self.app = app
            self.change = change

        def start_request(self, server_conn: Any, request_conn: Any) -> Any:
            return Message(self.app.start_request(server_conn, request_conn), self.change)

        def on_close(self, server_conn: Any) -> None:
            self.app.on_close(server_conn)

    class Message(HTTPMessageDelegate):
        def __init__(self, delegate: Any, change: Callable[[Any], Any]) -> None:
            self.delegate = delegate
            self.change = change

        def headers_received(self, start_line: Any, headers: Any) -> Any:
            return self.delegate.headers_received(start_line, self.change(headers))

        def data_received(self, chunk: bytes) -> Any:
            return self.delegate.data_received(chunk)

        def finish(self) -> None:
            self.delegate.finish()

        def on_connection_close(self) -> None:
            self.delegate.on_connection_close()

    ours = KoalaMiddleware(Changing(app, _take_back_from_tornado), **mode.OPTIONS)
    return Changing(ours, _lend_to_tornado)


def _lend_to_tornado(given: Any) -> Any:
    if "Cookie" in given:
        return given
    headers = given.copy()
    headers["Cookie"] = f"ko_id={visits.next_profile_id()}"
    headers.given = given
    return headers


def _take_back_from_tornado(headers: Any) -> Any:
    given = getattr(headers, "given", None)
    if given is None:
        return headers
    visits.check(headers["Cookie"])
    return given
