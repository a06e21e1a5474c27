"""Our middleware around one application, with what a mode adds above and below it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import koala_middleware.asgi
import koala_middleware.wsgi

from . import mode, visits

_given: ContextVar[Any] = ContextVar("given")


def wsgi(app: Any, middleware: Any = koala_middleware.wsgi.KoalaMiddleware) -> Any:
    """Return a WSGI application with ours around it."""
    if mode.LENDS:
        app = _above(visits.take_back_from_environ, app)
    minting = "mint" in mode.OPTIONS
    app = middleware(_noting(app) if minting else app, **mode.OPTIONS)
    if minting:
        app = _restoring(app)
    return _above(visits.lend_to_environ, app) if mode.LENDS else app


def asgi(app: Any, middleware: Any = koala_middleware.asgi.KoalaMiddleware) -> Any:
    """Return an ASGI application with ours around it."""
    if mode.LENDS:
        app = _above_async(visits.take_back_from_scope, app)
    minting = "mint" in mode.OPTIONS
    app = middleware(_noting_async(app) if minting else app, **mode.OPTIONS)
    if minting:
        app = _restoring_async(app)
    return _above_async(visits.lend_to_scope, app) if mode.LENDS else app


def _call(app: Any, *args: Any) -> Any:
    return app(*args)


def shared(wrap: Callable[[Any], Any], app: Any, call: Callable[..., Any] = _call) -> Any:
    """Wrap an application that is handed over anew for each request, and do it but once.

    A middleware lives for as long as its application, and must not confuse its requests.
    """
    try:
        return _wrapped[app]
    except KeyError:
        pass
    except TypeError:  # it cannot be hashed, or not be referred to weakly
        return wrap(partial(call, app))
    _wrapped[app] = wrapped = wrap(partial(_call_weakly, weakref.ref(app), call))
    return wrapped


def _call_weakly(app: Any, call: Callable[..., Any], *args: Any) -> Any:
    return call(app(), *args)  # its caller keeps it


_wrapped: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def _above(change: Callable[[Any], None], app: Any) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        change(environ)
        return app(environ, start_response)

    return application


def _above_async(change: Callable[[Any], None], app: Any) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        change(scope)
        await app(scope, receive, send)

    return application


def _noting(app: Any) -> Any:
    """Note the headers that an application responds with."""

    def application(environ: Any, start_response: Any) -> Any:
        def noting(status: Any, headers: Any, *args: Any, **kwargs: Any) -> Any:
            token = _given.set(headers)
            try:
                return start_response(status, headers, *args, **kwargs)
            finally:
                _given.reset(token)

        return app(environ, noting)

    return application


def _restoring(app: Any) -> Any:
    """Take away again what ``mint`` has added to them: the tests compare headers."""

    def application(environ: Any, start_response: Any) -> Any:
        def restoring(status: Any, headers: Any, *args: Any, **kwargs: Any) -> Any:
            visits.check_headers(_given.get(), headers)
            return start_response(status, _given.get(), *args, **kwargs)

        return app(environ, restoring)

    return application


def _noting_async(app: Any) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            token = _given.set(message)
            try:
                await send(message)
            finally:
                _given.reset(token)

        await app(scope, receive, noting)

    return application


def _restoring_async(app: Any) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def restoring(message: Any) -> None:
            given = _given.get()
            if message is not given:
                visits.check_headers(given.get("headers", ()), message["headers"])
            await send(given)

        await app(scope, receive, restoring)

    return application
