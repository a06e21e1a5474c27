"""The visitor of one request, as its options want it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from koala_middleware.context import CONTEXT_KEYS, request_context
from koala_middleware.cookies import LONGEST_VALUE
from koala_middleware.faults import log_once
from koala_middleware.mint import Mint, mint_profile_id
from koala_middleware.options import Options
from koala_middleware.sources import snapshot, source_of
from koala_middleware.visitor import Cookies, Visitor, call_as, parse_with


def asks(options: Options) -> bool:
    """Tell whether the options want more of a request than its cookies."""
    return bool(options.header_name or options.email or options.context or options.mint)


def visiting(
    options: Options, make_request: Callable[[Any], object]
) -> Callable[[Cookies | None, Any], Visitor]:
    """Return a function that makes the visitor of a request of its cookies and its raw form.

    ``make_request`` makes of the raw form, an environ or a scope, what the options that take a
    request are given.
    """
    request_filter, mint = options.request_filter, options.mint
    asking = asks(options)

    def visit(cookies: Cookies | None, raw: Any) -> Visitor:
        if request_filter is not None and not _admits(request_filter, make_request, raw):
            return Visitor(options=options)
        if not asking:
            return Visitor(None, None, cookies, options)
        visitor = RequestVisitor(options, cookies, make_request, raw)
        if mint is not None and visitor.profile_id is None:
            visitor.mint(mint)
        return visitor

    if request_filter is None and not asking:
        return lambda cookies, raw: Visitor(None, None, cookies, options)
    return visit


def _admits(
    request_filter: Callable[[Any], bool], make_request: Callable[[Any], object], raw: Any
) -> bool:
    try:
        # As nobody: a server's context may still have somebody from the request before.
        return bool(call_as(None, lambda: request_filter(make_request(raw))))
    except Exception as fault:
        # It may stand for somebody's consent, so a filter that fails refuses.
        log_once("the request_filter failed: its requests have no visitor", fault)
        return False


class RequestVisitor(Visitor):
    """Tell also what the rest of the request says, for the options that ask it."""

    __slots__ = ("_email", "_make_request", "_raw", "set_cookie")

    def __init__(
        self,
        options: Options,
        cookies: Cookies | None,
        make_request: Callable[[Any], object],
        raw: Any,
    ) -> None:
        super().__init__(None, None, cookies or "", options)  # "": there may be a header to read
        self._make_request = make_request
        self._raw = raw
        self._email: str | None = None
        self.set_cookie: str | None = None

    def _find_profile_id(self, cookies: str) -> str | None:
        profile_id = super()._find_profile_id(cookies)
        name = self.options.header_name
        if profile_id is None and name is not None:
            values = self._header_values(name)
            profile_id = parse_with(self.options.parse, values, f"the header {name}")
        return profile_id

    def _header_values(self, name: str) -> Iterator[str]:
        value = source_of(self._raw).header(name)
        if value is not None and len(value) <= LONGEST_VALUE:
            yield value

    def email(self) -> str | None:
        """Ask the option ``email`` until it has given one."""
        ask = self.options.email
        if self._email is None and ask is not None:
            try:
                # As nobody: else an email that tracks would be asked by its own event.
                email = call_as(None, lambda: ask(self._make_request(self._raw)))
                if email is not None and not isinstance(email, str):
                    raise TypeError("email must be a str or None")
                self._email = email or None
            except Exception as fault:
                log_once("the option email failed: events go out without it", fault)
        return self._email

    def context(self) -> dict[str, Any]:
        """Return what the option ``context`` wants of the request."""
        wanted = self.options.context
        keys = CONTEXT_KEYS if isinstance(wanted, bool) else wanted
        return request_context(source_of(self._raw), keys)

    def end_request(self) -> None:
        self._raw = snapshot(self._raw)

    def mint(self, mint: Mint) -> None:
        """Give the visitor a new profile id if the request is one that may set the cookie."""
        try:
            wanted = call_as(None, lambda: mint.wants(self._make_request(self._raw)))
        except Exception as fault:
            log_once("the option mint failed: its requests get no profile id", fault)
            return
        if wanted:
            self._profile_id = mint_profile_id()
            self.set_cookie = mint.set_cookie(
                self.options.cookie_name, self._profile_id, source_of(self._raw).scheme
            )


def minted_cookie(visitor: Visitor, headers: Iterable[tuple[str, str]]) -> str | None:
    """Return the ``Set-Cookie`` for a response with these headers, if there is one to be set."""
    options = visitor.options
    try:
        if options.mint is not None and options.mint.may_set(options.cookie_name, headers):
            return visitor.set_cookie
    except Exception as fault:  # whatever an application takes for headers
        log_once("the cookie of a minted profile id could not be set", fault)
    return None
