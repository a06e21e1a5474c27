"""The ids that a visitor's browser holds: how they are declared, and read from a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from koala_middleware.cookies import LONGEST_VALUE, unquote_cookie, with_joined
from koala_middleware.faults import log_once
from koala_middleware.places import keys_of
from koala_middleware.validation import (
    CALLABLE,
    COOKIE_NAME,
    check_fields,
    checked,
    optional,
    text,
)

ROOTS = ("properties", "traits", "context", "integrations")

_LONGEST_ID = 2048
_MOST_VALUES = 512  # of one Cookie header or query string


def _is_text(value: str) -> bool:
    return value != "" and value.isprintable()


def is_path(value: str) -> bool:
    """Return whether a text names a place in an event where a browser's id may go."""
    root, *keys = keys_of(value)
    if root == "integrations" and keys[0] == "All":  # stands for every destination
        return False
    return root in ROOTS and keys != [] and all(map(_is_text, keys))


_PARAMETER = text("the name of a query parameter", _is_text)
_CATEGORY = text("the name of a consent category", _is_text)
_PATH = text(
    "a place in an event, such as properties.fbp, traits.fbp, context.fbp or "
    "integrations.Some Destination.fbp",
    is_path,
)


@dataclass(frozen=True, kw_only=True)
class BrowserId:
    """An id that a visitor's browser holds, and the place in an event it goes to.

    :param cookie: the cookie that holds it.
    :param query: the query parameter that holds it, read if the cookie has no valid value.
    :param path: where it goes, such as ``properties.fbp``. Each dot leads into an object, except in
        ``integrations.<destination>.<key>``: the last dot ends the destination's name, which may
        have dots and spaces itself.
    :param parse: ``str -> str | None``, cleans and validates a decoded value. Without it any
        printable text is valid.
    :param consent: the consent category that must be granted.

    Raises TypeError or ValueError that names the parameter, what was expected and what was given.
    """

    cookie: str | None = checked(None, optional(COOKIE_NAME))
    query: str | None = checked(None, optional(_PARAMETER))
    path: str = checked("properties.fbp", _PATH)
    parse: Callable[[str], str | None] | None = checked(None, optional(CALLABLE))
    consent: str | None = checked(None, optional(_CATEGORY))

    def __post_init__(self) -> None:
        check_fields(self, "BrowserId")
        if self.cookie is None and self.query is None:
            raise ValueError("BrowserId: expected a cookie, a query parameter or both, got neither")


class BrowserIdReader:
    """A reader of browser ids. What is the same for all requests is made once, here.

    :param browser_ids: the ids to read. The first of those with one path, and a valid value, has
        the path.
    """

    __slots__ = ("_browser_ids", "_find_in_cookies", "_find_in_query")

    def __init__(self, browser_ids: Iterable[BrowserId]) -> None:
        self._browser_ids = tuple(browser_ids)
        cookies = [wanted.cookie for wanted in self._browser_ids if wanted.cookie]
        parameters = [wanted.query for wanted in self._browser_ids if wanted.query]
        self._find_in_cookies = _finder(cookies, ";", unquote_cookie)
        self._find_in_query = _finder(parameters, "&", _unquote_parameter)

    def read(
        self, cookies: str, query: str, granted: Mapping[str, bool] | None = None
    ) -> dict[str, str]:
        """Return the ids that a request sent, by their paths.

        An id with a consent category is left out unless ``granted`` says True for it. The header
        and the query string are each read once.

        :param cookies: the ``Cookie`` header.
        :param query: the query string, without a question mark.
        """
        in_cookies = self._find_in_cookies(with_joined(cookies))
        in_query = self._find_in_query(query)
        found: dict[str, str] = {}
        for wanted in self._browser_ids:
            path, cookie, parameter = wanted.path, wanted.cookie, wanted.query
            if path in found or not (wanted.consent is None or is_granted(wanted, granted)):
                continue
            value = None
            if cookie in in_cookies:
                value = _first_valid(wanted.parse, in_cookies[cookie])
            if value is None and parameter in in_query:
                value = _first_valid(wanted.parse, in_query[parameter])
            if value is not None:
                found[path] = value
        return found


def read_browser_ids(
    browser_ids: Iterable[BrowserId],
    cookies: str,
    query: str,
    granted: Mapping[str, bool] | None = None,
) -> dict[str, str]:
    """Return the ids that a request sent, by their paths; see :class:`BrowserIdReader`."""
    return BrowserIdReader(browser_ids).read(cookies, query, granted)


def is_granted(wanted: BrowserId, granted: Mapping[str, bool] | None) -> bool:
    """Return whether an id needs no consent, or has it."""
    return wanted.consent is None or (granted or {}).get(wanted.consent) is True


def is_browser_id(value: object) -> bool:
    """Return whether a value may be sent as a browser's id."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable()


def _finder(
    names: Collection[str], separator: str, decode: Callable[[str], str]
) -> Callable[[str], dict[str, list[str]]]:
    """Return a function that finds the decoded values of some names, in one pass over a text."""
    if not names:
        return lambda text: {}
    # Most values need no decoding. In a set, \w would make the match much slower.
    plain = rf"([0-9A-Za-z_.-]{{1,{_LONGEST_ID}}})(?={separator}|\Z)"
    either = "|".join(map(re.escape, names))
    pairs = re.compile(rf"{separator}[ \t]*({either})[ \t]*=(?:{plain}|([^{separator}]*))")

    def find(text: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value, raw in pairs.findall(separator + text)[:_MOST_VALUES]:
            if raw:
                if len(raw) > LONGEST_VALUE or not raw.isascii():
                    continue
                value = decode(raw.strip(" \t"))
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
        return found

    return find


def _first_valid(parse: Callable[[str], str | None] | None, values: Iterable[str]) -> str | None:
    for value in values:
        if parse is not None:
            try:
                parsed: object = parse(value)
            except Exception as fault:
                log_once("the parse of a BrowserId failed: events go out without that id", fault)
                continue
            if parsed is None:
                continue
            value = str(parsed)
        if is_browser_id(value):
            return value
    return None


def _unquote_parameter(value: str) -> str:
    from urllib.parse import unquote_plus  # here, because few requests have one

    return unquote_plus(value, errors="surrogateescape")  # as for cookies
