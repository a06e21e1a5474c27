"""Koala's visitor for any WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from koala_middleware.caching import replaced
from koala_middleware.options import OptionKeywords, Options, options_from_keywords
from koala_middleware.request import asks, visiting
from koala_middleware.segment import instrument
from koala_middleware.visitor import Visitor, call_as, reset_current, set_current

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Unpack


class KoalaMiddleware:
    """Make the visitor of each request current while the application handles it (PEP 3333).

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
        self._asks = asks(self.options)
        self._visit = visiting(self.options, self.request)
        instrument(flush_seconds=self.options.flush_seconds)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        visitor = self._visit(environ.get("HTTP_COOKIE"), environ)
        environ["koala.visitor"] = visitor
        if self._asks and visitor.minted is not None:
            start_response = _minting(start_response, visitor)

        files: list[object] | None = None
        file_wrapper = environ.get("wsgi.file_wrapper")
        if not (file_wrapper is None or isinstance(file_wrapper, type)):
            files = []
            environ["wsgi.file_wrapper"] = _recording(file_wrapper, files)

        token = set_current(visitor)
        try:
            iterable = self.app(environ, start_response)
        except BaseException:
            visitor.end_request()
            raise
        finally:
            reset_current(token)

        kind = type(iterable)
        if kind is list or kind is tuple or _is_file(iterable, file_wrapper, files):
            if self._asks:
                visitor.end_request()
            return iterable
        scoped = SizedBody if hasattr(kind, "__len__") else ScopedBody
        return scoped(iterable, visitor)

    def request(self, environ: WSGIEnvironment) -> object:
        """Return what a ``request_filter`` gets."""
        return environ


def _minting(start_response: StartResponse, visitor: Visitor) -> StartResponse:
    """Wrap ``start_response`` to set the cookie of a minted profile id."""

    def start_response_with_cookie(
        status: str, headers: list[tuple[str, str]], *exc_info: Any
    ) -> Callable[[bytes], object]:
        if ours := visitor.cookie_headers(status, headers):
            headers = replaced(headers, ours)
        return start_response(status, headers, *exc_info)

    return start_response_with_cookie


def _recording(file_wrapper: Callable[..., Any], files: list[object]) -> Callable[..., Any]:
    """Wrap a ``wsgi.file_wrapper`` that is a function, as uWSGI's is, to know its bodies by."""

    def record(*args: Any) -> Any:
        files.append(file_wrapper(*args))
        return files[-1]

    return record


def _is_file(iterable: object, file_wrapper: object, files: list[object] | None) -> bool:
    """Tell whether a body is one of the ``wsgi.file_wrapper``, which the server may send itself."""
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
        token = set_current(self._visitor)
        try:
            return next_chunk()
        finally:
            reset_current(token)


class ScopedBody(ScopedIterator):
    """A WSGI body that has its own visitor current in each step, and in ``close()``.

    It can be iterated over as the application's own body can: as often, or only once.
    """

    __slots__ = ("_iterable",)

    def __init__(self, iterable: Iterable[bytes], visitor: Visitor) -> None:
        self._iterable = iterable
        self._visitor = visitor
        self._next: Any = getattr(iterable, "__next__", None)

    def __iter__(self) -> Iterator[bytes]:
        iterator = call_as(self._visitor, iter, self._iterable)
        if iterator is self._iterable:
            return self
        return ScopedIterator(iterator.__next__, self._visitor)

    def close(self) -> None:
        """Close the iterable itself (not its iterator), once."""
        iterable, self._iterable = self._iterable, ()
        close = getattr(iterable, "close", None)
        try:
            if close is not None:
                call_as(self._visitor, close)
        finally:
            self._visitor.end_request()


class SizedBody(ScopedBody):
    """A WSGI body that knows how many chunks it has, which servers may ask (PEP 3333)."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._iterable)  # type: ignore[arg-type]
