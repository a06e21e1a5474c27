"""What Django's responses still run after the middleware has returned them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from copy import deepcopy
from functools import wraps
from inspect import signature
from types import FunctionType
from typing import Any
from weakref import WeakSet

from django.http.response import HttpResponseBase, ResponseHeaders

from koala_middleware import current
from koala_middleware.request import RequestDetails
from koala_middleware.visitor import Visitor

VISITOR = "_koala"  # a response's attribute, until it is closed
_MOST_KINDS = 1000  # so that dynamic classes are not kept alive
simple_kinds: set[type] = set()
"""Classes of responses that do not stream, whose ``close()`` looks for the visitor."""
_closes: WeakSet[FunctionType] = WeakSet()


def scope_response(visitor: Visitor, response: HttpResponseBase) -> HttpResponseBase:
    """Return a response whose content and ``close()`` run with the visitor current.

    It is another one, a shallow copy, where others may be answered by the same object: nothing of
    this request may reach them.
    """
    if type(response) not in simple_kinds:
        if not isinstance(response, HttpResponseBase):
            return response  # what Django says of it is its own
        _prepare(type(response))
    details = visitor.details
    headers = _cookie_headers(details, response) if details is not None and details.new_ids else []
    if headers or response.__dict__.setdefault(VISITOR, visitor) is not visitor:
        response = _copy(response)
        response.__dict__[VISITOR] = visitor
        for name, value in headers:
            if name == "Set-Cookie":
                response.cookies.load(value)
            else:
                response[name] = value
    # A FileResponse's file is left alone: a server may send it without reading it in Python.
    if response.streaming and getattr(response, "file_to_stream", None) is None:
        _scope_content(visitor, response)
    return response


def _prepare(kind: Any) -> None:
    """Have ``close()`` run as the visitor of each response, on its class.

    A ``close`` of the response's own would be in a cycle with it, close the wrong one once it is
    copied, and keep Django's caches from pickling it.
    """
    # Not by Patches, which would keep alive each class that is made on the fly. Nor is there
    # anything to undo: without a visitor, what is put here only calls the original.
    owner = next(owner for owner in kind.__mro__ if "close" in vars(owner))
    close = vars(owner)["close"]
    if isinstance(close, FunctionType) and close not in _closes:
        owner.close = _scoped(close)
        _closes.add(owner.close)
    base: Any = HttpResponseBase
    if base.__reduce_ex__ is object.__reduce_ex__:
        base.__reduce_ex__ = _reduce
    if not kind.streaming and len(simple_kinds) < _MOST_KINDS:
        simple_kinds.add(kind)


def _scoped(close: Callable[..., Any]) -> Callable[..., Any]:
    def scoped_close(response: Any) -> Any:
        visitor = response.__dict__.pop(VISITOR, None)
        if visitor is None:
            return close(response)
        variable, details = current.variable, visitor.details
        token = variable.set(visitor)
        try:
            return close(response)
        finally:
            variable.reset(token)
            if details is not None:
                details.detach()

    def scoped_close_with_arguments(response: Any, *args: Any, **kwargs: Any) -> Any:
        return _scoped(lambda response: close(response, *args, **kwargs))(response)

    takes_arguments = len(signature(close).parameters) > 1
    return wraps(close)(scoped_close_with_arguments if takes_arguments else scoped_close)


def _reduce(response: HttpResponseBase, protocol: Any) -> Any:
    """Keep the visitor out of pickles and copies, which may answer others."""
    reduced = object.__reduce_ex__(response, protocol)
    match reduced:
        case make, args, {"_koala": _, **state}, *rest:
            return make, args, state, *rest
    return reduced


def _cookie_headers(details: RequestDetails, response: HttpResponseBase) -> list[tuple[str, str]]:
    """Return the headers that set the cookies of new ids."""
    cookies = [("Set-Cookie", f"{name}=") for name in response.cookies]
    return details.cookie_headers(response.status_code, [*response.items(), *cookies])


def _copy(response: Any) -> Any:
    """Return a copy with headers and cookies of its own."""
    # Not by copy.copy(), which of a TemplateResponse only takes what would be pickled.
    copy = object.__new__(type(response))
    copy.__dict__.update(response.__dict__)
    copy.headers = ResponseHeaders(response.headers)
    copy.cookies = deepcopy(response.cookies)
    copy._resource_closers = response._resource_closers.copy()
    return copy


def _scope_content(visitor: Visitor, response: Any) -> None:
    content = response._iterator
    if isinstance(content, _Content):  # it has answered another request
        content = content.content
    response._iterator = (_AsyncContent if response.is_async else _SyncContent)(visitor, content)


class _Content:
    """The content of a streaming response, with its visitor current in each step."""

    __slots__ = ("_visitor", "content")

    def __init__(self, visitor: Visitor, content: Any) -> None:
        self._visitor = visitor
        self.content = content


class _SyncContent(_Content):
    __slots__ = ()

    def __iter__(self) -> Iterator[object]:
        return self

    def __next__(self) -> object:
        return current.call_as(self._visitor, self.content.__next__)

    def __reduce__(self) -> Any:
        return iter, (self.content,)


class _AsyncContent(_Content):
    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[object]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, object]:
        return current.await_as(self._visitor, self.content.__anext__)

    def __reduce__(self) -> Any:
        return aiter, (self.content,)
