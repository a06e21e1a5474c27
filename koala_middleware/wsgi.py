"""Koala's visitor for any WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from koala_middleware import current, explanation
from koala_middleware.caching import replaced
from koala_middleware.factory import VisitorFactory
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.request import RequestDetails
from koala_middleware.segment import instrument
from koala_middleware.visitor import NOBODY, Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Unpack


class KoalaMiddleware:
    """WSGI middleware (PEP 3333) that makes each request's visitor current.

    The visitor is current in the call of the application, in each step of the body that it
    returns and in the body's ``close()``. Code outside can read it from
    ``environ["koala.visitor"]``.

    :param app: the WSGI application.
    :param options: those of :class:`koala_middleware.Options`; a ``request_filter`` gets the
        environ.

    Raises TypeError or ValueError for an option that is unknown or wrong.
    """

    def __init__(self, app: WSGIApplication, **options: Unpack[OptionKeywords]) -> None:
        self.app = app
        self.options: Options = options_from_keywords(options)
        self._make_visitor = VisitorFactory(self.options, self.make_request).make_visitor
        self._enabled = self.options.enabled
        if self._enabled or explanation.everywhere:  # then events say that it is off
            instrument(flush_seconds=self.options.flush_seconds, threads=self.options.threads)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._enabled:
            environ.setdefault("koala.visitor", NOBODY)
            return self.app(environ, start_response)
        visitor = self._make_visitor(environ.get("HTTP_COOKIE"), environ)
        environ["koala.visitor"] = visitor
        details = visitor.details
        if details is not None and details.new_ids:
            start_response = _setting_cookie(start_response, details)

        files: list[object] | None = None
        file_wrapper = environ.get("wsgi.file_wrapper")
        if not (file_wrapper is None or isinstance(file_wrapper, type)):
            files = []
            environ["wsgi.file_wrapper"] = _recording(file_wrapper, files)

        variable = current.variable
        token = variable.set(visitor)
        try:
            iterable = self.app(environ, start_response)
        except BaseException:
            if details is not None:
                details.detach()
            raise
        finally:
            variable.reset(token)

        kind = type(iterable)
        if kind is list or kind is tuple or _is_file(iterable, file_wrapper, files):
            if details is not None:
                details.detach()
            return iterable
        scoped = SizedBody if hasattr(kind, "__len__") else ScopedBody
        return scoped(iterable, visitor)

    def make_request(self, environ: WSGIEnvironment) -> object:
        """Return what the options that take a request are called with."""
        return environ


def _setting_cookie(start_response: StartResponse, details: RequestDetails) -> StartResponse:
    """Wrap ``start_response`` to set the cookies of new ids."""

    def start_response_with_cookie(
        status: str, headers: list[tuple[str, str]], *exc_info: Any, **by_keyword: Any
    ) -> Callable[[bytes], object]:
        if cookie_headers := details.cookie_headers(status, headers):
            headers = replaced(headers, cookie_headers)
        # PEP 3333 wants exc_info by position, but servers also take it by keyword.
        return start_response(status, headers, *exc_info, **by_keyword)

    return start_response_with_cookie


def _recording(file_wrapper: Callable[..., Any], files: list[object]) -> Callable[..., Any]:
    """Wrap a ``wsgi.file_wrapper`` that is a function, as uWSGI's is, to recognise its bodies."""

    def record(*args: Any) -> Any:
        files.append(file_wrapper(*args))
        return files[-1]

    return record


def _is_file(iterable: object, file_wrapper: object, files: list[object] | None) -> bool:
    """Return whether the ``wsgi.file_wrapper`` made a body, which the server may send itself."""
    if files is not None:
        return any(iterable is file for file in files)
    return isinstance(file_wrapper, type) and isinstance(iterable, file_wrapper)


class ScopedIterator:
    """An iterator over a WSGI body that has the body's visitor current in each step."""

    __slots__ = ("_next", "_visitor")

    def __init__(self, next_chunk: Callable[[], bytes], visitor: Visitor) -> None:
        self._next = next_chunk
        self._visitor = visitor

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        next_chunk = self._next
        variable = current.variable
        token = variable.set(self._visitor)
        try:
            return next_chunk()
        finally:
            variable.reset(token)


class ScopedBody(ScopedIterator):
    """A WSGI body that has its own visitor current in each step, and in ``close()``.

    It can be iterated over as often as the application's own body.
    """

    __slots__ = ("_iterable",)

    def __init__(self, iterable: Iterable[bytes], visitor: Visitor) -> None:
        self._iterable = iterable
        self._visitor = visitor
        self._next: Any = getattr(iterable, "__next__", None)

    def __iter__(self) -> Iterator[bytes]:
        iterator = current.call_as(self._visitor, iter, self._iterable)
        if iterator is self._iterable:
            return self
        return ScopedIterator(iterator.__next__, self._visitor)

    def close(self) -> None:
        """Close the iterable itself (not its iterator), once."""
        iterable, self._iterable = self._iterable, ()
        close = getattr(iterable, "close", None)
        try:
            if close is not None:
                current.call_as(self._visitor, close)
        finally:
            details = self._visitor.details
            if details is not None:
                details.detach()


class SizedBody(ScopedBody):
    """A WSGI body with a length, which servers may ask for (PEP 3333)."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._iterable)  # type: ignore[arg-type]  # it is made only for those with one
