"""The ids that a visitor's browser holds, put where Segment's destinations read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from koala_middleware.cookies import LONGEST_VALUE, cookie_values, unquote_cookie
from koala_middleware.faults import log_once
from koala_middleware.validation import (
    CALLABLE,
    COOKIE_NAME,
    check_fields,
    checked,
    optional,
    text,
)

Groups = Mapping[tuple[str, ...], dict[str, str]]

ROOTS = ("properties", "traits", "context", "integrations")

_LONGEST_ID = 2048
_MOST_PAIRS = 512  # of one Cookie header or query string


@lru_cache(maxsize=1024)
def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys that lead to the place that a path names."""
    root, _, rest = path.partition(".")
    if root == "integrations":
        name, _, key = rest.rpartition(".")
        return (root, name, key)
    return (root, *rest.split("."))


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


def read_browser_ids(
    browser_ids: Iterable[BrowserId],
    cookies: str,
    query: str,
    granted: Mapping[str, bool] | None = None,
) -> dict[str, str]:
    """Return the ids that a request sent, by their paths.

    The first of the ids with a valid value has its path. An id with a consent category is left out
    unless ``granted`` says True for it. The header and the query string are each read once.

    :param cookies: the ``Cookie`` header.
    :param query: the query string, without a question mark.
    """
    browser_ids = tuple(browser_ids)
    in_cookies = _values(cookies, ";", {wanted.cookie for wanted in browser_ids})
    in_query = _values(query, "&", {wanted.query for wanted in browser_ids})
    found: dict[str, str] = {}
    for wanted in browser_ids:
        if wanted.path in found or not _is_granted(wanted, granted):
            continue
        values: Iterable[str] = in_cookies.get(wanted.cookie, ())
        if "," in cookies and wanted.cookie is not None:  # a bridge may have joined them so
            values = cookie_values(cookies, wanted.cookie)
        value = _first_valid(wanted.parse, values, unquote_cookie)
        if value is None:
            value = _first_valid(wanted.parse, in_query.get(wanted.query, ()), _unquote_parameter)
        if value is not None:
            found[wanted.path] = value
    return found


def _is_granted(wanted: BrowserId, granted: Mapping[str, bool] | None) -> bool:
    return wanted.consent is None or (granted or {}).get(wanted.consent) is True


def _values(text: str, separator: str, names: set[str | None]) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    if not text:
        return found
    for pair in text.split(separator, _MOST_PAIRS)[:_MOST_PAIRS]:
        name, _, value = pair.partition("=")
        name = name.strip(" \t")
        if name in names and len(value) <= LONGEST_VALUE:
            found.setdefault(name, []).append(value.strip(" \t"))
    return found


def _first_valid(
    parse: Callable[[str], str | None] | None, values: Iterable[str], decode: Callable[[str], str]
) -> str | None:
    for raw in filter(str.isascii, values):
        value: object = decode(raw)
        if parse is not None:
            try:
                value = parse(str(value))
            except Exception as fault:
                log_once("the parse of a BrowserId failed: events go out without that id", fault)
                continue
        text = "" if value is None else str(value)
        if is_browser_id(text):
            return text
    return None


def is_browser_id(value: object) -> bool:
    """Return whether a value may be sent as a browser's id."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable()


def _unquote_parameter(value: str) -> str:
    from urllib.parse import unquote_plus  # here, because few requests have one

    return unquote_plus(value, errors="surrogateescape")  # as for cookies


def group_by_place(values: Mapping[str, str]) -> Groups:
    """Return browser ids by the keys that lead to the object they go into.

    Do this once for all the calls of a request.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for path, value in values.items():
        *place, key = keys_of(path)
        groups.setdefault(tuple(place), {})[key] = value
    return groups


def fill_browser_ids(groups: Groups, parts: dict[str, Any]) -> None:
    """Put browser ids into the parts of a call, as far as their places are free.

    What the caller gave stays, even None. The caller's own objects are not changed: copies take
    their places in ``parts``. A destination that the caller excluded in ``integrations`` gets
    nothing.

    :param parts: those of ``properties``, ``traits``, ``context`` and ``integrations`` that the
        call has, by name; the ids of others are passed over.
    """
    for (root, *names), ids in groups.items():
        if root in parts:
            given = parts[root] or {}  # as the SDK does
            if root == "integrations" and not _selects(given, names[0]):
                continue
            if root == "integrations" and given.get(names[0]) is True:
                given = {**given, names[0]: {}}  # which selects it just as well
            parts[root] = _merge(given, names, ids)


def _selects(integrations: Any, destination: str) -> bool:
    if not isinstance(integrations, dict):
        return False
    return destination in integrations or integrations.get("All") is not False


def _merge(given: Any, names: list[str], ids: dict[str, str]) -> Any:
    if not isinstance(given, dict):
        return given
    if not names:
        return {**ids, **given}
    name, *rest = names
    return {**given, name: _merge(given.get(name, {}), rest, ids)}
