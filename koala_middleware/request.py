"""What a request says beyond its cookies, for the options that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from koala_middleware import baggage
from koala_middleware.browser_ids import Groups, group_by_place, read_browser_ids
from koala_middleware.caching import Headers
from koala_middleware.callables import ask, parse_first
from koala_middleware.context import CONTEXT_KEYS, request_context
from koala_middleware.cookies import LONGEST_VALUE
from koala_middleware.faults import log_once
from koala_middleware.mint import Mint, mint_profile_id
from koala_middleware.options import Options
from koala_middleware.sources import request_line, snapshot, source_of


class RequestDetails:
    """What a request says beyond the two ids in its cookies, for the options that need it.

    :param make_request: makes, from an environ or a scope, what options that take a request get.
    :param raw: the environ, the scope, or Django's request.
    """

    __slots__ = (
        "_browser_ids",
        "_consent",
        "_email",
        "_groups",
        "_is_new_profile_id_used",
        "_make_request",
        "_options",
        "_raw",
        "new_profile_id",
    )

    def __init__(self, options: Options, make_request: Callable[[Any], object], raw: Any) -> None:
        self._options = options
        self._make_request = make_request
        self._raw = raw
        self._email: str | None = None
        self._browser_ids: dict[str, str] | None = None
        self._groups: Groups = {}
        self._consent: Mapping[str, bool] | None = None
        self._is_new_profile_id_used = False
        self.new_profile_id: str | None = None
        """A minted profile id, until it turns out that the response may not set its cookie."""

    def header_profile_id(self) -> str | None:
        """Return the profile id in the header that the option ``header_name`` names, or None."""
        name = self._options.header_name
        if name is None:
            return None
        return parse_first(self._options.parse, self._header_values(name), f"the header {name}")

    def _header_values(self, name: str) -> Iterator[str]:
        value = source_of(self._raw).header(name)
        if value is not None and baggage.is_baggage(name):
            yield from baggage.profile_ids(value)
        elif value is not None and len(value) <= LONGEST_VALUE:
            yield value

    def email(self) -> str | None:
        """Return what the option ``email`` returns, which is called until it has returned one."""
        find_email = self._options.email
        if self._email is None and find_email is not None:
            try:
                email = ask(lambda: find_email(self._make_request(self._raw)))
                if email is not None and not isinstance(email, str):
                    raise TypeError("email must be a str or None")
                self._email = email or None
            except Exception as fault:
                log_once("the option email failed: events go out without it", fault)
        return self._email

    def context(self) -> dict[str, Any]:
        """Return what the option ``context`` adds to an event's context."""
        wanted = self._options.context
        keys = CONTEXT_KEYS if isinstance(wanted, bool) else wanted
        return request_context(source_of(self._raw), keys)

    def consent(self) -> Mapping[str, bool] | None:
        """Return what the option ``consent`` returns, called until it has returned something.

        If it raises, or returns anything but a mapping of str to bool, nothing is consented to:
        the empty mapping, with which Segment sends an event to no destination that needs consent.
        """
        find_consent = self._options.consent
        if self._consent is None and find_consent is not None:
            try:
                consent = ask(lambda: find_consent(self._make_request(self._raw)))
                if consent is not None:
                    self._consent = _checked_consent(consent)
            except Exception as fault:
                log_once("the option consent failed: its requests consent to nothing", fault)
                self._consent = {}
        return self._consent

    def browser_ids(self) -> Mapping[str, str]:
        """Return the ids that the option ``browser_ids`` names and the request has, by path."""
        if self._browser_ids is None:
            try:
                source = source_of(self._raw)
                found = read_browser_ids(
                    self._options.browser_ids, source.cookies or "", source.query, self.consent()
                )
                self._groups = group_by_place(found)
                self._browser_ids = found  # last, as it tells other threads that both are there
            except Exception as fault:
                log_once("the browser's ids cannot be read: events go out without them", fault)
                return {}
        return self._browser_ids

    def browser_ids_by_place(self) -> Groups:
        """Return the same ids by the keys that lead to the object they go into."""
        return self._groups if self.browser_ids() else {}

    def request_line(self) -> tuple[str, str] | None:
        """Return the method and the path, or None if they cannot be read."""
        return request_line(self._raw)

    def mint_profile_id(self, mint: Mint) -> bool:
        """Make a new profile id if the browser would keep it, and return whether there is one."""
        try:
            if mint.can_keep(self._options.cookie_name, source_of(self._raw)) and ask(
                lambda: mint.wants(self._make_request(self._raw))
            ):
                self.new_profile_id = mint_profile_id()
        except Exception as fault:
            log_once("the option mint failed: its requests get no profile id", fault)
        return self.new_profile_id is not None

    def use_new_profile_id(self) -> str | None:
        """Return the new profile id, which something is about to be attributed to."""
        self._is_new_profile_id_used = True
        return self.new_profile_id

    def cookie_headers(self, status: object, headers: Headers) -> dict[str, str]:
        """Return the headers that set the cookie of the new profile id, for a response.

        Where the response may not set it, an id that nothing has used yet is given up.
        """
        mint, name, profile_id = self._options.mint, self._options.cookie_name, self.new_profile_id
        if mint is None or profile_id is None:
            return {}
        try:
            scheme = source_of(self._raw).scheme  # now, as a proxy's may have been found out below
            cookie_headers = mint.headers(name, profile_id, scheme, status, headers)
        except Exception as fault:  # whatever an application takes for headers
            log_once("the cookie of a minted profile id could not be set", fault)
            return {}
        if not cookie_headers and self._is_new_profile_id_used:
            log_once("events have a minted profile id that the response may not set: see Mint.when")
        elif not cookie_headers:
            self.new_profile_id = None
        return cookie_headers

    def detach(self) -> None:
        """Detach from the server's environ, which uWSGI reuses for the next request."""
        self._raw = snapshot(self._raw)


def _checked_consent(consent: object) -> Mapping[str, bool]:
    if not isinstance(consent, Mapping):
        raise TypeError("consent must be a mapping or None")
    if not all(isinstance(name, str) and isinstance(consent[name], bool) for name in consent):
        raise TypeError("consent must map str to bool")
    return dict(consent)
