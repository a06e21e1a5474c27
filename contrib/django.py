"""Koala's visitor for Django."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from koala_middleware.contrib._django_responses import VISITOR, scope_response, simple_kinds
from koala_middleware.cookies import cookie_header
from koala_middleware.options import SETTING_PREFIX, Options, options_from_settings
from koala_middleware.request import asks, visiting
from koala_middleware.segment import instrument
from koala_middleware.visitor import Visitor, reset_after_await, reset_current, set_current

_DOTTED_PATHS = ("KOALA_PARSE", "KOALA_REQUEST_FILTER", "KOALA_EMAIL")
_PLACE = "the Django settings"


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
        self.options = options = _options()
        self._is_plain = options.request_filter is None and not asks(options)
        self._visit = visiting(options, lambda request: request)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        instrument(flush_seconds=options.flush_seconds)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        cookies = request.META.get("HTTP_COOKIE")
        scope = None if type(request) is WSGIRequest else getattr(request, "scope", None)
        if scope is not None and cookies and "," in cookies:
            # Django 5.2 joins a Cookie header that came in pieces with commas.
            cookies = cookie_header(scope.get("headers", ())) or cookies
        if self._is_plain:
            visitor = Visitor(None, None, cookies, self.options)
        else:
            visitor = self._visit(cookies, request)
        if scope is None:
            request.META["koala.visitor"] = visitor
        else:
            scope["koala"] = visitor
        request.koala = visitor  # type: ignore[attr-defined]

        if self.is_async:
            return self._respond(visitor, request)
        token = set_current(visitor)
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            reset_current(token)
        # What scope_response() does for most responses; the call would cost as much again.
        if (
            self._is_plain
            and type(response) in simple_kinds
            and response.__dict__.setdefault(VISITOR, visitor) is visitor
        ):
            return response
        return scope_response(visitor, response)  # type: ignore[no-any-return]

    async def _respond(self, visitor: Visitor, request: HttpRequest) -> HttpResponseBase:
        token = set_current(visitor)
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:
            reset_after_await(token)
        if (
            self._is_plain
            and type(response) in simple_kinds
            and response.__dict__.setdefault(VISITOR, visitor) is visitor
        ):
            return response
        return scope_response(visitor, response)  # type: ignore[no-any-return]


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


def user_email(request: HttpRequest) -> str | None:
    """Return the email of the user who is logged in, if loaded already; for the option ``email``.

    It neither reads the session nor asks the database, so a page that has not looked at
    ``request.user`` stays one that does not vary with cookies.
    """
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty:
        user = getattr(request, "_acached_user", None)  # what request.auser() has loaded
    return _email_of(user)


def load_user_email(request: HttpRequest) -> str | None:
    """Return the email of the user who is logged in, and load the user if need be.

    On a page that has not looked at ``request.user`` that is two queries, and the response gets
    ``Vary: Cookie``. Like :func:`user_email` in async code, where Django refuses to load.
    """
    return user_email(request) if _in_event_loop() else _email_of(getattr(request, "user", None))


def _email_of(user: Any) -> str | None:
    get_field_name = getattr(user, "get_email_field_name", None)
    return getattr(user, get_field_name() if get_field_name else "email", None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
