"""Explain why the running code has a visitor, or none."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from koala_middleware import current
from koala_middleware.causes import DETAILS, OTHER_PROPERTY, Cause
from koala_middleware.options import Options
from koala_middleware.visitor import DEFAULT_OPTIONS, Visitor

_LONGEST_PATH = 2048

everywhere: bool = False
"""Whether the environment's ``KOALA_EXPLAIN`` wants each event to say its cause."""

# Of each middleware that was built in this process, whether it is enabled.
_built: set[bool] = set()


@dataclass(frozen=True)
class Explanation:
    """Why the running code has a visitor, or none.

    :param cause: one of :class:`koala_middleware.Cause`, each of which is also a str.
    :param detail: what to do, in one sentence.
    :param method: the request's method, or None if it is not known.
    :param path: the request's path, or None if it is not known.
    """

    cause: Cause
    detail: str
    method: str | None = None
    path: str | None = None


def explain() -> Explanation:
    """Explain what a ``track`` call without a profile id of its own would get here, and why.

    The method and the path are known where the option ``explain``, the environment's
    ``KOALA_EXPLAIN=1`` or another option keeps the request.
    """
    visitor = current.variable.get()
    cause = cause_of(visitor)
    method, path = request_of(visitor) or (None, None)
    return Explanation(cause, detail_of(cause, visitor), method, path)


def cause_of(visitor: Visitor | None) -> Cause:
    """Return why a visitor has a profile id, or none."""
    if visitor is None:
        if True in _built:
            return Cause.NO_REQUEST
        return Cause.SWITCHED_OFF if _built else Cause.NO_MIDDLEWARE
    if visitor.profile_id is not None:
        return Cause.ADDED
    cause = visitor.cause_of_absence
    if cause is Cause.NO_COOKIE and any(visitor.cookie_values(visitor.options.cookie_name)):
        return Cause.INVALID_COOKIE
    return cause


def detail_of(cause: Cause, visitor: Visitor | None) -> str:
    """Return what to do about a cause."""
    options = DEFAULT_OPTIONS if visitor is None else visitor.options
    if cause is Cause.ADDED and options.property_name != DEFAULT_OPTIONS.property_name:
        return OTHER_PROPERTY
    return DETAILS[cause].format_map(vars(options))


def request_of(visitor: Visitor | None) -> tuple[str, str] | None:
    """Return the method and the path of a visitor's request, or None if they are not known."""
    request = None if visitor is None else visitor.request_line()
    return None if request is None else (request[0], request[1][:_LONGEST_PATH])


def read_environment() -> None:
    """Read ``KOALA_EXPLAIN``: when the SDK is instrumented, and when a middleware is built."""
    global everywhere
    everywhere = os.environ.get("KOALA_EXPLAIN", "") not in ("", "0")


def note_way_in(options: Options) -> None:
    """Note that this process has something that makes visitors current."""
    read_environment()
    _built.add(options.enabled)


def wants_request(options: Options) -> bool:
    """Return whether visitors keep their request because somebody may ask for it."""
    logging = sys.modules.get("logging")  # nobody has set a level of what is not imported
    return (
        options.explain
        or everywhere
        or (logging is not None and logging.getLogger("koala_middleware").isEnabledFor(10))
    )
