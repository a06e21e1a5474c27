"""What a request without a cookie is made of, one part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

from benchmarks.inputs import make_environ
from benchmarks.measure import Row
from koala_middleware.options import Options
from koala_middleware.visitor import Visitor, reset_current, set_current

GROUP = "parts"


def rows() -> Iterator[Row]:
    environ = make_environ(None)
    options = Options()
    visitor = Visitor(options=options)
    body: object = [b"Welcome!"]
    response = _Response()

    def bare() -> None:
        pass

    def set_and_reset() -> None:
        token = set_current(visitor)
        try:
            pass
        finally:
            reset_current(token)

    def look_up() -> None:
        environ.get("HTTP_COOKIE")

    def make_visitor() -> None:
        Visitor(None, None, None, options)

    def leave_visitor() -> None:
        environ["koala.visitor"] = visitor

    def tell_bodies() -> None:
        file_wrapper = environ.get("wsgi.file_wrapper")
        if not (file_wrapper is None or isinstance(file_wrapper, type)):
            raise AssertionError
        kind = type(body)
        if not (kind is list or kind is tuple):
            raise AssertionError

    def wrap_close() -> None:
        close = response.close

        def scoped_close() -> None:
            vars(response).pop("close", None)
            token = set_current(visitor)
            try:
                close()
            finally:
                reset_current(token)

        response.close = scoped_close  # type: ignore[method-assign]
        response.close()

    parts: dict[str, Callable[[], Any]] = {
        "bare": bare,
        "set and reset the ContextVar": set_and_reset,
        "look up the cookie in the environ": look_up,
        "make a visitor": make_visitor,
        "leave it in the environ": leave_visitor,
        "WSGI: tell lists and files from other bodies": tell_bodies,
        "Django: make close() a scope of its own": wrap_close,
    }
    for name, call in parts.items():
        yield Row(GROUP, "parts", name, call, context=Context())


class _Response:
    def close(self) -> None:
        pass
