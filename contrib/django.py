"""Koala's visitor for Django."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from koala_middleware.options import SETTING_PREFIX, Options, options_from_settings
from koala_middleware.request import minted_cookie, visiting
from koala_middleware.segment import instrument
from koala_middleware.visitor import (
    Visitor,
    await_as,
    call_as,
    reset_after_await,
    reset_current,
    set_current,
)

_DOTTED_PATHS = ("KOALA_PARSE", "KOALA_REQUEST_FILTER", "KOALA_EMAIL")
_PLACE = "the Django settings"
_NO_CHUNK = object()


class KoalaMiddleware:
    """Make the visitor of each request current: an entry in ``MIDDLEWARE``, the higher the better.

    The visitor is current in the view and the middleware below, in a streaming response's content
    and in the response's ``close()``. It stays at ``request.koala``, and at
    ``environ["koala.visitor"]`` or ``scope["koala"]``. Options come from the settings ``KOALA_…``;
    a callable may be given by its dotted path, and ``KOALA_REQUEST_FILTER`` gets the
    ``HttpRequest``.

    Raises ImproperlyConfigured, when Django starts, for a setting that is unknown or wrong.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response: Callable[[HttpRequest], Any] = get_response
        self.options = _options()
        self._visit = visiting(self.options, lambda request: request)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        instrument()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        # Not from META in ASGI, where Django joins a Cookie header that came in pieces with ",".
        scope = getattr(request, "scope", None)
        if scope is None:
            visitor = self._visit(request.META.get("HTTP_COOKIE"), request)
            request.META["koala.visitor"] = visitor
        else:
            visitor = self._visit(tuple(scope.get("headers", ())), request)
            scope["koala"] = visitor
        request.koala = visitor  # type: ignore[attr-defined]

        if self.is_async:
            return self._respond(visitor, request)
        token = set_current(visitor)
        try:
            response = self.get_response(request)
        finally:
            reset_current(token)
        return _scope_response(visitor, response)

    async def _respond(self, visitor: Visitor, request: HttpRequest) -> HttpResponseBase:
        token = set_current(visitor)
        try:
            response = await self.get_response(request)
        finally:
            reset_after_await(token)
        return _scope_response(visitor, response)


def _options() -> Options:
    given = {
        name: getattr(settings, name) for name in dir(settings) if name.startswith(SETTING_PREFIX)
    }
    for name in _DOTTED_PATHS:
        path = given.get(name)
        if isinstance(path, str):
            try:
                given[name] = import_string(path)
            except ImportError as error:
                raise ImproperlyConfigured(
                    f"{name} in {_PLACE}: expected a callable or its dotted path ({error}), "
                    f"got {path!r}"
                ) from error
    try:
        return options_from_settings(given, _PLACE)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(str(error)) from error


def _scope_response(visitor: Visitor, response: HttpResponseBase) -> HttpResponseBase:
    # A FileResponse's file is left alone: a server may send it without reading it in Python.
    if isinstance(response, StreamingHttpResponse) and not getattr(
        response, "file_to_stream", None
    ):
        content: Any = response.streaming_content
        if response.is_async:
            response.streaming_content = _AsyncContent(visitor, aiter(content))
        else:
            step = partial(call_as, visitor, iter(content).__next__)
            response.streaming_content = iter(step, _NO_CHUNK)
    if visitor.set_cookie is not None:
        _set_cookie(visitor, response)
    close = response.close

    def scoped_close() -> None:
        vars(response).pop("close", None)  # the class's again: response and closure are a cycle
        token = set_current(visitor)
        try:
            close()
        finally:
            reset_current(token)
            visitor.end_request()

    response.close = scoped_close  # type: ignore[method-assign]
    return response


def _set_cookie(visitor: Visitor, response: HttpResponseBase) -> None:
    """Set the cookie of a minted profile id."""
    cookies = [("Set-Cookie", f"{name}=") for name in response.cookies]
    cookie = minted_cookie(visitor, [*response.items(), *cookies])
    if cookie is not None:
        response.cookies.load(cookie)


class _AsyncContent:
    """Iterate over async content with its visitor current in each step."""

    __slots__ = ("_content", "_visitor")

    def __init__(self, visitor: Visitor, content: AsyncIterator[bytes]) -> None:
        self._visitor = visitor
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        return await_as(self._visitor, self._content.__anext__)


def user_email(request: HttpRequest) -> str | None:
    """Return the email of the user who is logged in; for the option ``email``.

    In async code only a user who is loaded already: loading one would block the event loop, and
    Django refuses to.
    """
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty and _in_event_loop():
        user = getattr(request, "_acached_user", None)  # what request.auser() has loaded
    get_field_name = getattr(user, "get_email_field_name", None)
    return getattr(user, get_field_name() if get_field_name else "email", None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
