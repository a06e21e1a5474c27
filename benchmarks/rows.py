"""The rows of the benchmarks: one thing each that is timed, or whose instructions are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.inputs import COOKIES

Wrap = Callable[[Any], Any]


@dataclass(frozen=True)
class Row:
    """One thing that is timed.

    :param group: the rows it is compared with, such as ``"WSGI, list, small"``.
    :param name: ``"bare"``, ``"floor"``, ``"us"`` or a peer.
    :param call: handles one request, or makes one call.
    :param context: where to call it.
    """

    group: str
    name: str
    call: Callable[[], object]
    context: Context = field(default_factory=Context)

    def __str__(self) -> str:
        return f"{self.group} | {self.name}"


def rows_of(
    kind: str,
    request: Callable[[Any, Any], object],
    app: Any,
    make: Callable[[str | None], Any],
    wraps: Mapping[str, Wrap],
) -> Iterator[Row]:
    """Yield a row for each of the cookies and each wrapper, and for the bare application."""
    for cookies, header in COOKIES.items():
        for name, wrap in {"bare": lambda app: app, **wraps}.items():
            yield Row(f"{kind}, {cookies}", name, partial(request, wrap(app), make(header)))
