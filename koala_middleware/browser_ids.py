"""The ids that a visitor's browser holds: how they are declared, and read from a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from koala_middleware.cookies import LONGEST_VALUE, unquote_cookie, with_joined
from koala_middleware.faults import log_once
from koala_middleware.places import IdsByPlace, by_path, keys_of, place_of
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


# The key of an id, the name it was sent by, its parse, and its consent category.
_Source = tuple[str, str, Callable[[str], str | None] | None, str | None]


class BrowserIdReader:
    """A reader of browser ids. What is the same for all requests is made once, here.

    :param browser_ids: the ids to read. The first of those with one path, and a valid value, has
        the path.
    """

    __slots__ = ("_find_in_cookies", "_find_in_query", "_sources_by_place")

    def __init__(self, browser_ids: Iterable[BrowserId]) -> None:
        self._sources_by_place: dict[tuple[str, str], list[_Source]] = {}
        cookies, parameters = [], []
        for wanted in browser_ids:
            root, inner, key = place_of(wanted.path)
            sources = self._sources_by_place.setdefault((root, inner), [])
            if wanted.cookie is not None:
                cookies.append(wanted.cookie)
                sources.append((key, wanted.cookie, wanted.parse, wanted.consent))
            if wanted.query is not None:
                parameters.append(f"{wanted.query}=")  # as no cookie can be called
                sources.append((key, f"{wanted.query}=", wanted.parse, wanted.consent))
        self._find_in_cookies = _finder(rf";[ \t]*({_any_of(cookies)})[ \t]*=", ";", unquote_cookie)
        self._find_in_query = _finder(rf"&({_any_of(parameters)})", "&", _unquote_parameter)

    def read(
        self, cookies: str, query: str, granted: Mapping[str, bool] | None = None
    ) -> IdsByPlace:
        """Return the ids that a request sent, by the places they go to.

        An id with a consent category is left out unless ``granted`` says True for it. The header
        and the query string are each read once.

        :param cookies: the ``Cookie`` header.
        :param query: the query string, without a question mark.
        """
        plain: dict[str, str] = {}
        others: dict[str, list[str]] = {}
        self._find_in_cookies(f";{with_joined(cookies)}", plain, others)
        if query:
            self._find_in_query(f"&{query}", plain, others)
        found: IdsByPlace = {}
        for (root, inner), sources in self._sources_by_place.items():
            ids: dict[str, str] = {}
            for key, name, parse, consent in sources:
                if name not in plain or key in ids:
                    continue
                if consent is not None and not is_granted(consent, granted):
                    continue
                value: str | None = plain[name]
                if value and parse is not None:
                    value = _parsed(parse, value)
                if not value:
                    value = _first_valid(parse, others.get(name, ()))
                if value:
                    ids[key] = value
            if ids:
                found.setdefault(root, {})[inner] = ids
        return found


def read_browser_ids(
    browser_ids: Iterable[BrowserId],
    cookies: str,
    query: str,
    granted: Mapping[str, bool] | None = None,
) -> dict[str, str]:
    """Return the ids that a request sent, by their paths; see :class:`BrowserIdReader`."""
    wanted = tuple(browser_ids)
    found = BrowserIdReader(wanted).read(cookies, query, granted)
    return by_path(found, (each.path for each in wanted))


def is_granted(consent: str | None, granted: Mapping[str, bool] | None) -> bool:
    """Return whether an id needs no consent, or has it."""
    return consent is None or (granted or {}).get(consent) is True


def is_browser_id(value: object) -> bool:
    """Return whether a value may be sent as a browser's id."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable()


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names)) or "(?!)"  # matches nothing


def _finder(
    name: str, separator: str, decode: Callable[[str], str]
) -> Callable[[str, dict[str, str], dict[str, list[str]]], None]:
    """Return a function that finds the values of some names, in one pass over a text.

    It puts each name that the text has into its first dict: with the name's first value if that is
    plain, which needs neither decoding nor a check, or else with an empty text. The second dict
    gets all other values, decoded.

    :param name: a regular expression that matches all before a value, with the name as its group.
    """
    # In a set, \w would make the match much slower.
    plain = rf"([0-9A-Za-z_.-]{{1,{_LONGEST_ID}}})(?={separator}|\Z)"
    pairs = re.compile(rf"{name}(?:{plain}|([^{separator}]*))")

    def find(text: str, plain: dict[str, str], others: dict[str, list[str]]) -> None:
        for name, value, raw in pairs.findall(text)[:_MOST_VALUES]:
            if value and name not in plain:
                plain[name] = value
            elif len(raw) <= LONGEST_VALUE and raw.isascii():
                plain.setdefault(name, "")
                others.setdefault(name, []).append(value or decode(raw.strip(" \t")))

    return find


def _first_valid(parse: Callable[[str], str | None] | None, values: Iterable[str]) -> str | None:
    """Return the first value that is valid after ``parse``."""
    for value in values:
        parsed = value if parse is None else _parsed(parse, value)
        if is_browser_id(parsed):
            return parsed
    return None


def _parsed(parse: Callable[[str], str | None], value: str) -> str | None:
    """Return what ``parse`` makes of a value, if that is the value itself or a valid id."""
    try:
        parsed: object = parse(value)
    except Exception as fault:
        log_once("the parse of a BrowserId failed: events go out without that id", fault)
        return None
    if parsed is value or parsed is None:
        return parsed
    text = str(parsed)
    return text if is_browser_id(text) else None


def _unquote_parameter(value: str) -> str:
    from urllib.parse import unquote_plus  # here, because few requests have one

    return unquote_plus(value, errors="surrogateescape")  # as for cookies
