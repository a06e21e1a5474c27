"""Say why a call has the visitor's profile id, or none: in the log, and in ``context.koala``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any

from koala_middleware import explanation
from koala_middleware.causes import Cause
from koala_middleware.explanation import cause_of, detail_of, request_of
from koala_middleware.faults import log_once
from koala_middleware.segment.injection import TRACK, Method
from koala_middleware.segment.sdk import CLIENT_MODULES
from koala_middleware.segment.sizes import is_oversize
from koala_middleware.visitor import DEFAULT_OPTIONS, Visitor

if TYPE_CHECKING:
    from logging import Logger

_logger: Logger | None = None
_announced: dict[str, object] = {}
_NONE = object()
# The event that is on its way through a class and the base that it calls.
_logged: ContextVar[object] = ContextVar("koala_logged", default=_NONE)

# Whose frames are between a call and us. The demo's sites are applications.
_PASSED_BY = ("koala_middleware.", "segment.analytics.", "rudderstack.")
_PASSED_BY_NAMES = frozenset(
    ["koala_middleware", "functools", "contextlib", *CLIENT_MODULES]
    + [name.rpartition(".")[0] for name in CLIENT_MODULES]
)
_DEMO = "koala_middleware.demo."

Send = Callable[..., Any]


def explained(
    send: Send,
    checked: Send,
    method: Method,
    visitor: Visitor | None,
    event: Any,
    values: Any,
    added: bool = False,
    cause: Cause | None = None,
) -> Send:
    """Log a call without a profile id, and return a ``send`` whose event says why, if it is to.

    :param checked: sends an event, or raises if it is over Segment's limit.
    :param cause: the cause, if it is not that of the visitor and the values.
    """
    is_sent = explanation.everywhere or (visitor is not None and visitor.options.explain)
    if not is_sent and not is_logged():
        return send
    options = DEFAULT_OPTIONS if visitor is None else visitor.options
    if not (method is TRACK or options.fills("identify")) or not isinstance(values or {}, dict):
        return send
    try:
        cause = cause or _cause(visitor, options.property_name, values, added)
        call, request = call_site(), request_of(visitor)
        has_id = added or (cause is Cause.SET_BY_CALLER and values[options.property_name])
        if not has_id and _logged.get() is not event:
            _log(cause, detail_of(cause, visitor), event, call, request)
            send = functools.partial(_send_logged, send, event)
            checked = functools.partial(_send_logged, checked, event)
        if not is_sent:
            return send
        note = {
            "cause": cause.value,
            "call": call,
            "request": request and dict(zip(("method", "path"), request, strict=True)),
            "version": _version(),
        }
        return functools.partial(_send_noted, send, checked, _PLACES[method.name], note)
    except Exception as fault:
        log_once("an event goes out without its explanation", fault)
        return send


def _cause(visitor: Visitor | None, name: str, values: Any, added: bool) -> Cause:
    if added:
        return Cause.ADDED
    try:
        if name in (values or {}):
            return Cause.SET_BY_CALLER
        cause = cause_of(visitor)
    except Exception:  # which has been logged where the visitor was added
        return Cause.FAILED
    return Cause.FAILED if cause is Cause.ADDED else cause


def _send_logged(send: Send, event: Any, *arguments: Any) -> Any:
    """Send an event that need not be logged again for a base class."""
    token = _logged.set(event)
    try:
        return send(*arguments)
    finally:
        _logged.reset(token)


# Where the context is among the arguments of a call, the client first.
_PLACES = {"track": 4, "identify": 3}


def _send_noted(
    send: Send, checked: Send, place: int, note: dict[str, Any], *arguments: Any
) -> Any:
    context = arguments[place] or {}
    if isinstance(context, dict) and "koala" not in context:
        noted = {**context, "koala": note}
        try:
            return checked(*arguments[:place], noted, *arguments[place + 1 :])
        except RuntimeError as error:
            if not is_oversize(error):
                raise
    return send(*arguments)


def is_logged() -> bool:
    """Return whether anybody would see that a call had no id. Each call outside a request asks."""
    level = 10 if _announced else 20  # DEBUG, after the first at INFO
    return (_logger or _get_logger()).isEnabledFor(level)


def _get_logger() -> Logger:
    global _logger
    import logging  # here, because most applications import it later, if at all

    _logger = logging.getLogger("koala_middleware")
    return _logger


def _log(
    cause: Cause, detail: str, event: Any, call: str | None, request: tuple[str, str] | None
) -> None:
    if not is_logged():
        return
    this_call = object()
    is_first = _announced.setdefault("first", this_call) is this_call
    # Without what is in a path to forge another line of the log.
    where = f"{call}, {repr(' '.join(request))[1:-1]}" if request else call
    _get_logger().log(
        20 if is_first else 10, "no profile id (%s) for %r at %s: %s", cause, event, where, detail
    )


def call_site() -> str | None:
    """Return the file and the line of the application's call, such as ``billing/tasks.py:88``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.startswith(_DEMO) or not (
            module in _PASSED_BY_NAMES or module.startswith(_PASSED_BY)
        ):
            parts = frame.f_code.co_filename.replace("\\", "/").split("/")
            depth = module.count(".") + 1 + (parts[-1] == "__init__.py")
            return f"{'/'.join(parts[-depth:])}:{frame.f_lineno}"
        frame = frame.f_back
    return None


@functools.cache
def _version() -> str:
    from importlib import metadata  # here, because few applications need it

    return metadata.version("koala-middleware")
