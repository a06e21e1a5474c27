"""Our middleware around one application, with what a mode adds above and below it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import koala_middleware.asgi
import koala_middleware.wsgi

from . import mode, visits

_MINTED = "ko_id="


def wsgi(app: Any, middleware: Any = koala_middleware.wsgi.KoalaMiddleware) -> Any:
    """Return a WSGI application with ours around it."""
    if mode.LENDS:
        app = _above(visits.take_back_from_environ, app)
    app = middleware(app, **mode.OPTIONS)
    if "mint" in mode.OPTIONS:
        app = _without_minted(app)
    return _above(visits.lend_to_environ, app) if mode.LENDS else app


def asgi(app: Any, middleware: Any = koala_middleware.asgi.KoalaMiddleware) -> Any:
    """Return an ASGI application with ours around it."""
    if mode.LENDS:
        app = _above_async(visits.take_back_from_scope, app)
    app = middleware(app, **mode.OPTIONS)
    if "mint" in mode.OPTIONS:
        app = _without_minted_async(app)
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


def _without_minted(app: Any) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        def start_response_without_minted(
            status: str, headers: Any, *args: Any, **kwargs: Any
        ) -> Any:
            if any(value.startswith(_MINTED) for _, value in headers):
                headers = [header for header in headers if not header[1].startswith(_MINTED)]
            return start_response(status, headers, *args, **kwargs)

        return app(environ, start_response_without_minted)

    return application


def _without_minted_async(app: Any) -> Any:
    minted = _MINTED.encode()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def send_without_minted(message: Any) -> None:
            headers = message.get("headers", ())
            if isinstance(headers, list) and any(value.startswith(minted) for _, value in headers):
                headers = [header for header in headers if not header[1].startswith(minted)]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_without_minted)

    return application
