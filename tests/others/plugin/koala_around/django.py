"""Our middleware in Django: first and last in MIDDLEWARE, whatever a test sets it to."""

from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from koala_middleware.contrib.django import KoalaMiddleware

from . import mode, visits


def middleware(get_response: Any) -> Any:
    """Return our middleware, with what a mode adds above and below it."""
    if mode.LENDS:
        get_response = _around(get_response, before=_take_back)
    if "mint" in mode.OPTIONS:
        get_response = KoalaMiddleware(_around(get_response, after=_note_headers))
        get_response = _around(get_response, after=_restore_headers)
    else:
        get_response = KoalaMiddleware(get_response)
    return _around(get_response, before=_lend) if mode.LENDS else get_response


middleware.sync_capable = middleware.async_capable = True  # type: ignore[attr-defined]


class Settings:
    """Django's settings as its handlers read them to build their middleware."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._settings, name)
        if name != "MIDDLEWARE":
            return value
        ours = f"{__name__}.middleware"
        return [ours, *value, ours]


def _around(get_response: Any, before: Any = None, after: Any = None) -> Any:
    if iscoroutinefunction(get_response):

        async def respond_async(request: Any) -> Any:
            if before:
                before(request)
            response = await get_response(request)
            if after:
                after(response)
            return response

        return markcoroutinefunction(respond_async)

    def respond(request: Any) -> Any:
        if before:
            before(request)
        response = get_response(request)
        if after:
            after(response)
        return response

    return respond


def _lend(request: Any) -> None:
    visits.lend_to_environ(request.META)
    cookie = request.META["HTTP_COOKIE"]
    if hasattr(request, "scope") and isinstance(cookie, visits.LentCookie):
        visits.lend_to_scope(request.scope, cookie)


def _take_back(request: Any) -> None:
    visits.take_back_from_environ(request.META)
    if hasattr(request, "scope"):
        visits.take_back_from_scope(request.scope)
    vars(request).pop("COOKIES", None)  # a filter may have looked


def _note_headers(response: Any) -> None:
    response.given = dict(response.items())


def _restore_headers(response: Any) -> None:
    """Take away again what ``mint`` has added, as the tests compare headers."""
    given = response.given
    del response.given
    visits.check_headers(given.items(), response.items())
    for name in ("Vary", "Cache-Control"):
        if name in given:
            response[name] = given[name]
        else:
            del response[name]
    response.cookies.pop("ko_id", None)


def call_client_handler(wrapped: Any, handler: Any, args: Any, kwargs: Any) -> Any:
    """Call the handler of Django's test client as if it were a WSGI application."""
    from . import applications

    [environ] = args
    response: Any = None

    def application(environ: Any, start_response: Any) -> Any:
        nonlocal response
        response = wrapped(environ)
        return []

    applications.wsgi(application)(environ, None)
    return response


async def call_async_client_handler(wrapped: Any, handler: Any, args: Any, kwargs: Any) -> Any:
    """Call the handler of Django's asynchronous test client as if it were an ASGI application."""
    from . import applications

    [scope] = args
    response: Any = None

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal response
        response = await wrapped(scope)

    await applications.asgi(application)(scope, None, None)
    return response
