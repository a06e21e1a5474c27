"""The middleware for Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from koala_middleware import current, explanation
from koala_middleware.contrib.django.responses import VISITOR, scope_response, simple_kinds
from koala_middleware.contrib.django.settings import read_options
from koala_middleware.cookies import cookie_header
from koala_middleware.factory import VisitorFactory
from koala_middleware.options import Options
from koala_middleware.segment import instrument
from koala_middleware.visitor import NOBODY, Visitor


class KoalaMiddleware:
    """Middleware that makes each request's visitor current: put it at the top of ``MIDDLEWARE``.

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
        self.options: Options = read_options()
        options = self.options
        self._enabled = options.enabled
        factory = VisitorFactory(options, lambda request: request)
        self._make_visitor, self._is_plain = factory.make_visitor, factory.is_plain
        self.is_async: bool = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        if self._enabled or explanation.everywhere:  # then events say that it is off
            instrument(flush_seconds=options.flush_seconds, threads=options.threads)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if not self._enabled:
            return self._pass(request)
        cookies = request.META.get("HTTP_COOKIE")
        scope = None if type(request) is WSGIRequest else getattr(request, "scope", None)
        if scope is not None and cookies and "," in cookies:
            # Django 5.2 joins a Cookie header that came in pieces with commas.
            cookies = cookie_header(scope.get("headers", ())) or cookies
        # A plain visitor is made here: a call would cost as much again.
        visitor = (
            Visitor(None, None, cookies, self.options)
            if self._is_plain
            else self._make_visitor(cookies, request)
        )
        if scope is None:
            request.META["koala.visitor"] = visitor
        else:
            scope["koala"] = visitor
        request.koala = visitor  # type: ignore[attr-defined]  # KoalaHttpRequest has it

        if self.is_async:
            return self._respond(visitor, request)
        variable = current.variable
        token = variable.set(visitor)
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            variable.reset(token)
        # What scope_response() does for most responses; the call would cost as much again.
        if (
            self._is_plain
            and type(response) in simple_kinds
            and response.__dict__.setdefault(VISITOR, visitor) is visitor
        ):
            return response
        return scope_response(visitor, response)

    def _pass(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        scope = getattr(request, "scope", None)
        where, key = (request.META, "koala.visitor") if scope is None else (scope, "koala")
        visitor = where.setdefault(key, NOBODY)
        request.koala = visitor  # type: ignore[attr-defined]  # KoalaHttpRequest has it
        response: HttpResponseBase | Awaitable[HttpResponseBase] = self.get_response(request)
        return response

    async def _respond(self, visitor: Visitor, request: HttpRequest) -> HttpResponseBase:
        variable = current.variable
        token = variable.set(visitor)
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:
            try:  # noqa: SIM105 (as current.reset_after_await(), whose call costs as much again)
                variable.reset(token)
            except ValueError:
                pass
        if (
            self._is_plain
            and type(response) in simple_kinds
            and response.__dict__.setdefault(VISITOR, visitor) is visitor
        ):
            return response
        return scope_response(visitor, response)
