"""The current visitor: who sent the request that the running code handles."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar, Token
from threading import Lock
from types import MappingProxyType, NoneType
from typing import Any, ParamSpec, TypeVar

from koala_middleware.cookies import (
    cookie_header,
    cookie_values,
    parse_anonymous_id,
    parse_profile_id,
)
from koala_middleware.faults import log_once
from koala_middleware.forks import in_each_child
from koala_middleware.options import Options

P = ParamSpec("P")
R = TypeVar("R")

# A Cookie header, or the headers of an ASGI scope, where it may be.
Cookies = str | Iterable[tuple[bytes, bytes]]

DEFAULT_OPTIONS = Options()
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_binding = Lock()
_OURS = (parse_profile_id, parse_anonymous_id)  # track nothing, unlike, perhaps, those of a user


class Visitor:
    """Tell who sent a request: what its cookies say, read when first asked for.

    The ids are what a browser sent: they attribute an event and never authorise anything. A
    visitor without any id is false.
    """

    __slots__ = (
        "_anonymous_id",
        "_profile_id",
        "_unread_anonymous_id",
        "_unread_profile_id",
        "bound",
        "options",
    )

    set_cookie: str | None = None  # of a minted profile id; see koala_middleware.request

    def __init__(
        self,
        profile_id: str | None = None,
        anonymous_id: str | None = None,
        cookies: Cookies | None = None,
        options: Options = DEFAULT_OPTIONS,
    ) -> None:
        self._profile_id = profile_id
        self._anonymous_id = anonymous_id
        self._unread_profile_id = self._unread_anonymous_id = cookies
        self.options = options
        self.bound: Mapping[str, Any] = _NOTHING

    @property
    def profile_id(self) -> str | None:
        """Return the Koala profile id, or None."""
        cookies = self._unread_profile_id
        if cookies is not None:
            self._profile_id = self._find_profile_id(_header(cookies))
            # Last, as it tells other threads that the id is there. They may read it, too.
            self._unread_profile_id = None
        return self._profile_id

    @property
    def anonymous_id(self) -> str | None:
        """Return the Segment anonymous id, or None."""
        cookies = self._unread_anonymous_id
        if cookies is not None:
            self._anonymous_id = self._find_anonymous_id(_header(cookies))
            self._unread_anonymous_id = None
        return self._anonymous_id

    def __bool__(self) -> bool:
        return self.profile_id is not None or self.anonymous_id is not None

    def __copy__(self) -> Visitor:
        return self

    def __deepcopy__(self, memo: object) -> Visitor:
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Pickle to None: a cached response or a logged request must not carry anybody's id."""
        return NoneType, ()

    def email(self) -> str | None:
        """Return an email, where the option of that name knows one."""
        return None

    def context(self) -> dict[str, Any]:
        """Return what Segment calls the context of an event, where the option wants it."""
        return {}

    def end_request(self) -> None:
        """Keep what is known of the request from becoming what is known of the next one."""

    def _find_profile_id(self, cookies: str) -> str | None:
        name = self.options.cookie_name
        values = cookie_values(cookies, name)
        return parse_with(self.options.parse, values, f"the cookie {name}")

    def _find_anonymous_id(self, cookies: str) -> str | None:
        name = self.options.anonymous_id_cookie
        if name is None:
            return None
        return parse_with(parse_anonymous_id, cookie_values(cookies, name), f"the cookie {name}")


def _header(cookies: Cookies) -> str:
    if isinstance(cookies, str):
        return cookies
    try:
        return cookie_header(cookies) or ""
    except Exception as fault:  # whatever a server takes for headers
        log_once("the Cookie header cannot be read: its requests have no visitor", fault)
        return ""


def parse_with(parse: Callable[[str], str | None], values: Iterable[str], place: str) -> str | None:
    """Return the first value that ``parse`` takes, or None."""
    ask = parse if parse in _OURS else lambda value: call_as(None, parse, value)
    try:
        for value in values:
            parsed = ask(value)
            if parsed is not None and parsed != "":
                return str(parsed)  # the SDK silently drops values such as uuid.UUID
    except Exception as fault:
        log_once(f"{place} cannot be parsed: its requests have no such id", fault)
    return None


current: ContextVar[Visitor | None] = ContextVar("koala_visitor", default=None)
# Bound once: each request, each piece of a body and each call of track needs them.
get_current, set_current, reset_current = current.get, current.set, current.reset


def _after_fork_in_child() -> None:
    # A context survives a fork: without this a child works in the name of its parent's visitor.
    current.set(None)
    global _binding
    _binding = Lock()  # the parent's may be taken


in_each_child(_after_fork_in_child)


_hidden: ContextVar[Visitor | None] = ContextVar("koala_hidden_visitor", default=None)


def _around_collection(phase: str, info: object) -> None:
    # The garbage collector may close what another request has left unfinished, such as the body
    # of a server that never calls close(). It must not run as whoever is current by chance.
    if phase == "start":
        visitor = current.get()
        if visitor is not None:
            _hidden.set(visitor)
            current.set(None)
    elif _hidden.get() is not None:
        current.set(_hidden.get())
        _hidden.set(None)


gc.callbacks.append(_around_collection)


def current_visitor() -> Visitor | None:
    """Return the current visitor, or None if there is no request or it sent no id."""
    return current.get() or None


def get_profile_id() -> str | None:
    """Return the current visitor's Koala profile id, or None."""
    visitor = current.get()
    return None if visitor is None else visitor.profile_id


def bind(**properties: object) -> None:
    """Add properties to every later ``track`` call of this request; the call's own win.

    They belong to the current visitor: they go where it goes, and end with its request or
    ``profile()``. Outside of these nothing happens.
    """
    visitor = current.get()
    if visitor is not None:
        with _binding:
            visitor.bound = {**visitor.bound, **properties}


def outgoing_headers() -> dict[str, str]:
    """Return the header that carries the visitor to the next service, or no header.

    Its name is the option ``header_name``, or ``X-Koala-Profile-Id``.
    """
    visitor = current.get()
    if visitor is None or visitor.profile_id is None:
        return {}
    return {visitor.options.header_name or "X-Koala-Profile-Id": visitor.profile_id}


def call_as(
    visitor: Visitor | None, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call ``call`` with ``visitor`` current, and restore whoever was current before."""
    token = set_current(visitor)
    try:
        return call(*args, **kwargs)
    finally:
        reset_current(token)


async def await_as(
    visitor: Visitor | None, call: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Await ``call`` with ``visitor`` current, and restore whoever was current before."""
    token = set_current(visitor)
    try:
        return await call(*args, **kwargs)
    finally:
        reset_after_await(token)


def reset_after_await(token: Token[Visitor | None]) -> None:
    """Restore whoever was current before, if this is still the context where that was."""
    try:  # noqa: SIM105 (a with statement would cost each request more)
        reset_current(token)
    except ValueError:
        # An abandoned coroutine is closed in whatever context the garbage collector ran in, where
        # our visitor was never set and there is nothing to restore:
        # https://github.com/open-telemetry/opentelemetry-python/issues/2606
        pass
