"""The middleware for aiohttp's server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import payload, web
from aiohttp.typedefs import Handler

from koala_middleware import current, explanation
from koala_middleware.contrib.aiohttp.requests import AiohttpSource
from koala_middleware.factory import VisitorFactory
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.segment import instrument
from koala_middleware.sources import readers
from koala_middleware.visitor import NOBODY, Visitor

if TYPE_CHECKING:
    from typing_extensions import Unpack

VISITOR: Any = web.RequestKey("koala", Visitor) if hasattr(web, "RequestKey") else "koala"
"""Where a request has its visitor, for code outside: ``request[VISITOR]``."""

readers[web.Request] = AiohttpSource


@web.middleware
class KoalaMiddleware:
    """Middleware that makes each request's visitor current: ``web.Application(middlewares=[…])``.

    The visitor is current in the handler, in what it streams, in a websocket for as long as it is
    open, and in each piece of a body that is an async generator.

    :param options: those of :class:`koala_middleware.Options`, where ``mint`` and
        ``anonymous_id`` need :func:`setup`. A ``request_filter`` gets the
        :class:`aiohttp.web.Request`.

    Raises TypeError or ValueError for an option that is unknown or wrong.
    """

    _sets_cookies = False

    def __init__(self, **options: Unpack[OptionKeywords]) -> None:
        self.options: Options = options_from_keywords(options)
        if not self._sets_cookies:
            self.options.refuse_new_ids("None here; setup(app, …) takes it")
        factory = VisitorFactory(self.options, lambda request: request)
        self._make_visitor = factory.make_visitor
        self._enabled = self.options.enabled
        if self._enabled or explanation.everywhere:  # then events say that it is off
            instrument(flush_seconds=self.options.flush_seconds, threads=self.options.threads)

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._enabled:
            request.setdefault(VISITOR, NOBODY)
            return await handler(request)
        visitor = self._make_visitor("; ".join(request.headers.getall("Cookie", ())), request)
        request[VISITOR] = visitor
        response = await current.await_as(visitor, handler, request)
        body = response.body if isinstance(response, web.Response) else None
        if isinstance(body, payload.Payload):
            # The server writes it when all middleware has returned.
            write: Any = partial(current.await_as, visitor, response.write_eof)
            response.write_eof = write  # type: ignore[method-assign]  # of this one
        return response


class _MintingMiddleware(KoalaMiddleware):
    _sets_cookies = True

    async def set_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        """Set the cookie of a new profile id, when a response is about to be sent."""
        visitor = request.get(VISITOR)
        details = None if visitor is None else visitor.details
        if details is None or not details.new_ids:
            return
        headers = details.cookie_headers(response.status, response.headers.items())
        for name, value in headers:
            put = response.headers.add if name == "Set-Cookie" else response.headers.__setitem__
            put(name, value)


def setup(app: web.Application, **options: Unpack[OptionKeywords]) -> None:
    """Add the middleware to an application, outside of those that it has.

    Takes the options of :class:`KoalaMiddleware`, ``mint`` and ``anonymous_id``.
    """
    middleware = _MintingMiddleware(**options)
    app.middlewares.insert(0, middleware)
    if middleware.options.mint is not None or middleware.options.anonymous_id is not None:
        app.on_response_prepare.append(middleware.set_cookie)
