"""What a request says beyond its cookies, for the options that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from koala_middleware import baggage, header_ids
from koala_middleware.caching import Headers
from koala_middleware.callables import ask, parse_first
from koala_middleware.context import CONTEXT_KEYS, request_context
from koala_middleware.cookies import LONGEST_VALUE
from koala_middleware.faults import log_once
from koala_middleware.mint import AS_ANALYTICS_JS, Mint
from koala_middleware.new_ids import NewId, new_anonymous_id, new_profile_id
from koala_middleware.options import Options
from koala_middleware.places import IdsByPlace, by_path, by_place
from koala_middleware.sources import request_line, snapshot, source_of

ReadIds = Callable[[str, str, Mapping[str, bool] | None], IdsByPlace]


class RequestDetails:
    """What a request says beyond the two ids in its cookies, for the options that need it.

    :param make_request: makes, from an environ or a scope, what options that take a request get.
    :param raw: the environ, the scope, or Django's request.
    :param read_ids: reads the ids that the option ``browser_ids`` names, if it names any.
    """

    __slots__ = (
        "_answers",
        "_consent",
        "_context",
        "_ids_by_place",
        "_make_request",
        "_options",
        "_raw",
        "_read_ids",
        "has_browser_ids",
        "new_anonymous_id",
        "new_ids",
        "new_profile_id",
    )

    def __init__(
        self,
        options: Options,
        make_request: Callable[[Any], object],
        raw: Any,
        read_ids: ReadIds | None = None,
    ) -> None:
        self._options = options
        self._make_request = make_request
        self._raw = raw
        self._read_ids = read_ids
        self._answers: dict[str, str] = {}
        self._ids_by_place: IdsByPlace | None = None
        self._context: dict[str, Any] | None = None
        self._consent: Mapping[str, bool] | None = None
        self.has_browser_ids: bool = read_ids is not None
        """Whether there may be ids to add: see :meth:`browser_ids`."""
        self.new_profile_id: NewId | None = None
        self.new_anonymous_id: NewId | None = None
        self.new_ids: tuple[NewId, ...] = ()
        """Both, as far as they are there: the response may have to set cookies for them."""

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
        """Return what the option ``email`` returns, which is asked until it has returned one."""
        return self._answer("email", self._options.email)

    def user_id(self) -> str | None:
        """Return what the option ``user_id`` returns, which is asked until it has returned one."""
        return self._answer("user_id", self._options.user_id)

    def _answer(self, name: str, find: Callable[[Any], str | None] | None) -> str | None:
        if find is not None and name not in self._answers:
            try:
                answer = ask(lambda: find(self._make_request(self._raw)))
                if answer is not None and not isinstance(answer, str):
                    raise TypeError(f"{name} must be a str or None")
                if answer:
                    self._answers[name] = answer
            except Exception as fault:
                log_once(f"the option {name} failed: events go out without it", fault)
        return self._answers.get(name)

    def context(self) -> dict[str, Any]:
        """Return what Segment calls the context of an event, where the option wants it.

        It is found out once, at the first call. Each call has a copy of its own.
        """
        if self._context is None:
            wanted = self._options.context
            keys = CONTEXT_KEYS if isinstance(wanted, bool) else wanted
            self._context = request_context(source_of(self._raw), keys)
        copy: dict[str, Any] = _copied(self._context)
        return copy

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
        return by_path(self.browser_ids_by_place(), self._paths())

    def _paths(self) -> list[str]:
        return [each.path for each in self._options.browser_ids]

    def browser_ids_by_place(self) -> IdsByPlace:
        """Return the same ids by the places they go to."""
        if self._ids_by_place is None:
            try:
                self._ids_by_place = self._find_ids()
            except Exception as fault:
                log_once("the browser's ids cannot be read: events go out without them", fault)
                return {}
        return self._ids_by_place

    def _find_ids(self) -> IdsByPlace:
        if self._read_ids is None:
            return {}
        options, source, consent = self._options, source_of(self._raw), self.consent()
        found = self._read_ids(source.cookies or "", source.query, consent)
        sent = source.header(header_ids.HEADER) if options.header_name is not None else None
        if sent is not None:
            others = header_ids.from_header(sent, options.browser_ids, consent)
            found = by_place({**others, **by_path(found, self._paths())})
        return found

    def request_line(self) -> tuple[str, str] | None:
        """Return the method and the path, or None if they cannot be read."""
        return request_line(self._raw)

    def make_profile_id(self, mint: Mint) -> None:
        """Make a new profile id if the browser would keep it."""
        name = self._options.cookie_name
        self.new_profile_id = self._new_id("mint", new_profile_id, mint, name)

    def make_anonymous_id(self) -> None:
        """Make a new anonymous id if the browser would keep it."""
        mint, name = self._options.anonymous_id, self._options.anonymous_id_cookie
        mint = mint if isinstance(mint, Mint) else AS_ANALYTICS_JS
        self.new_anonymous_id = self._new_id("anonymous_id", new_anonymous_id, mint, str(name))

    def _new_id(self, option: str, make: Any, mint: Mint, cookie_name: str) -> NewId | None:
        try:
            new_id: NewId | None = make(
                mint, cookie_name, source_of(self._raw), lambda: self._make_request(self._raw)
            )
        except Exception as fault:
            log_once(f"the option {option} failed: its requests get no new id", fault)
            return None
        if new_id is not None:
            self.new_ids = (*self.new_ids, new_id)
        return new_id

    def cookie_headers(self, status: object, headers: Headers) -> list[tuple[str, str]]:
        """Return the headers that set the cookies of new ids, for a response."""
        cookies: list[tuple[str, str]] = []
        others: dict[str, str] = {}
        try:
            given = list(headers)
            scheme = source_of(self._raw).scheme  # now, as a proxy's may have been found out below
            for new_id in self.new_ids:
                found = new_id.cookie_headers(scheme, status, [*given, *cookies])
                if found:
                    cookies.append(("Set-Cookie", found.pop("Set-Cookie")))
                    others |= found
        except Exception as fault:  # whatever an application takes for headers
            log_once("the cookies of new ids could not be set", fault)
            return []
        return [*cookies, *others.items()]

    def detach(self) -> None:
        """Detach from the server's environ, which uWSGI reuses for the next request."""
        self._raw = snapshot(self._raw)


def _checked_consent(consent: object) -> Mapping[str, bool]:
    if not isinstance(consent, Mapping):
        raise TypeError("consent must be a mapping or None")
    if not all(isinstance(name, str) and isinstance(consent[name], bool) for name in consent):
        raise TypeError("consent must map str to bool")
    return dict(consent)


def _copied(value: Any) -> Any:
    """Return a copy of what JSON has a form for."""
    if type(value) is dict:
        copy = value.copy()
        for key, each in value.items():
            if type(each) is not str:  # as most are
                copy[key] = _copied(each)
        return copy
    return [_copied(each) for each in value] if type(value) is list else value
