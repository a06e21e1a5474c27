"""The visitor: who sent the request that the running code handles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType
from typing import Any

from koala_middleware import current
from koala_middleware.callables import parse_first
from koala_middleware.causes import Cause
from koala_middleware.cookies import cookie_header, cookie_values, parse_anonymous_id
from koala_middleware.faults import log_once
from koala_middleware.forks import Lock
from koala_middleware.options import Options
from koala_middleware.request import RequestDetails

# A Cookie header, or the headers of an ASGI scope, where it may be.
Cookies = str | Iterable[tuple[bytes, bytes]]

DEFAULT_OPTIONS = Options()
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_binding = Lock()


class Visitor:
    """The visitor who sent a request. Cookies are parsed on first access.

    The ids are what a browser sent: they attribute an event and never authorise anything. A
    visitor without any id is false.
    """

    __slots__ = ("_anonymous_id", "_cookies", "_profile_id", "bound", "details", "options")

    cause_of_absence = Cause.NO_COOKIE
    """Why there is no profile id, if there is none."""

    def __init__(
        self,
        profile_id: str | None = None,
        anonymous_id: str | None = None,
        cookies: Cookies | None = None,
        options: Options = DEFAULT_OPTIONS,
        details: RequestDetails | None = None,
    ) -> None:
        # None until it is read, empty if there is none.
        self._profile_id = profile_id
        self._anonymous_id = anonymous_id
        self._cookies = cookies
        self.options: Options = options
        self.details: RequestDetails | None = details
        self.bound: Mapping[str, Any] = _NOTHING

    @property
    def profile_id(self) -> str | None:
        """Return the Koala profile id, or None."""
        profile_id = self._profile_id
        if profile_id is None:
            profile_id = self._profile_id = self._find_profile_id() or ""
        return profile_id or None

    @property
    def anonymous_id(self) -> str | None:
        """Return the Segment anonymous id, or None."""
        anonymous_id = self._anonymous_id
        if anonymous_id is None:
            anonymous_id = self._anonymous_id = self._find_anonymous_id() or ""
        return anonymous_id or None

    def cookie_values(self, name: str) -> Iterator[str]:
        """Yield the raw values of a cookie, in the order the browser sent them."""
        cookies = self._cookies
        if cookies is not None and not isinstance(cookies, str):
            cookies = self._cookies = _join(cookies)
        return cookie_values(cookies, name) if cookies else iter(())

    def request_line(self) -> tuple[str, str] | None:
        """Return the method and the path of the request, or None if they are not known."""
        return None if self.details is None else self.details.request_line()

    def __bool__(self) -> bool:
        return self.profile_id is not None or self.anonymous_id is not None

    def __repr__(self) -> str:
        """Say which ids are known, without showing them, and without reading a cookie."""
        has_source = self._cookies is not None or self.details is not None
        profile_id = _known("profile id", self._profile_id, has_source)
        anonymous_id = _known("anonymous id", self._anonymous_id, has_source)
        return f"<Visitor: {profile_id}, {anonymous_id}>"

    def __copy__(self) -> Visitor:
        return self

    def __deepcopy__(self, memo: object) -> Visitor:
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Pickle to None: a cached response or a logged request must not carry anybody's id."""
        return NoneType, ()

    def _find_profile_id(self) -> str | None:
        options, details = self.options, self.details
        if details is not None and details.new_profile_id is not None:
            return details.new_profile_id.use()
        profile_id = self._parse_cookie(options.cookie_name, options.parse)
        if profile_id is None and details is not None:
            return details.header_profile_id()
        return profile_id

    def _find_anonymous_id(self) -> str | None:
        name, details = self.options.anonymous_id_cookie, self.details
        if details is not None and details.new_anonymous_id is not None:
            return details.new_anonymous_id.use()
        return name and self._parse_cookie(name, parse_anonymous_id)

    def _parse_cookie(self, name: str, parse: Callable[[str], str | None]) -> str | None:
        if self._cookies is None:
            return None
        return parse_first(parse, self.cookie_values(name), f"the cookie {name}")


class GivenVisitor(Visitor):
    """A visitor whose ids were given, by ``profile()`` or with a task, and not read."""

    __slots__ = ()

    cause_of_absence = Cause.NO_REQUEST


class RefusedVisitor(Visitor):
    """The visitor, without ids, of a request that the ``request_filter`` has refused.

    It has no details, as nothing else of the request may be sent either.
    """

    __slots__ = ("_request_line", "cause_of_absence")

    def __init__(
        self, options: Options, cause: Cause, request_line: tuple[str, str] | None
    ) -> None:
        super().__init__(None, None, None, options)
        self.cause_of_absence: Cause = cause
        self._request_line = request_line

    def request_line(self) -> tuple[str, str] | None:
        return self._request_line


def _known(name: str, value: str | None, has_source: bool) -> str:
    if value is None and has_source:
        return f"{name} not read yet"
    return f"{name} known" if value else f"no {name}"


NOBODY = Visitor()
"""The visitor of each request where the middleware is switched off."""


def _join(headers: Iterable[tuple[bytes, bytes]]) -> str:
    try:
        return cookie_header(headers) or ""
    except Exception as fault:  # whatever a server takes for headers
        log_once("the Cookie header cannot be read: its requests have no visitor", fault)
        return ""


def current_visitor() -> Visitor | None:
    """Return the current visitor, or None if there is no request or it sent no id."""
    return current.variable.get() or None


def get_profile_id() -> str | None:
    """Return the current visitor's Koala profile id, or None."""
    visitor = current.variable.get()
    return None if visitor is None else visitor.profile_id


def get_browser_ids() -> dict[str, str]:
    """Return the ids that the current visitor's browser sent, by their paths in an event.

    They are those that the option ``browser_ids`` names.
    """
    visitor = current.variable.get()
    details = None if visitor is None else visitor.details
    return {} if details is None else dict(details.browser_ids())


def bind(**properties: object) -> None:
    """Add properties to every later ``track`` call of this request; the call's own win.

    They belong to the current visitor: they go where it goes, and end with its request or
    ``profile()``. Outside of these nothing happens.
    """
    visitor = current.variable.get()
    if visitor is not None:
        with _binding:
            visitor.bound = {**visitor.bound, **properties}
