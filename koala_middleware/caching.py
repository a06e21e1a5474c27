"""Which responses a cache may store that visitors share: RFC 9111, RFC 9213 and RFC 5861."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

S = TypeVar("S", str, bytes)

Headers = Iterable[tuple[str, str]]
Directives = list[tuple[str, str | None]]

# An element of a list, in which a comma may be quoted (RFC 9110, section 5.6).
_ELEMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')

# Of RFC 5861: a response that is not fresh may still be served.
_STALE = ("stale-while-revalidate", "stale-if-error")

# Fields that are older than RFC 9213, and what in them keeps a cache from storing the response:
# https://www.w3.org/TR/edge-arch/ and https://techdocs.akamai.com/property-mgr/docs/caching-2#edge-control-header
_OLDER_FIELDS = {
    "surrogate-control": {"no-store"},
    "edge-control": {"no-store", "bypass-cache"},
    "x-accel-expires": {"0"},
}


def directives(value: str) -> Directives:
    """Return the directives of a ``Cache-Control`` field, in order, each with its argument or None.

    Names are in lower case, arguments without quotes; what is malformed stays as it is.
    """
    found: Directives = []
    for element in _ELEMENT.findall(value):
        name, equals, argument = element.partition("=")
        if name := name.strip().lower():
            found.append((name, argument.strip().strip('"') if equals else None))
    return found


def is_shared(headers: Headers) -> bool:
    """Return whether a shared cache may store a response with these headers, and use it again.

    A field that targets some caches overrides ``Cache-Control`` there (RFC 9213, section 2.2), so
    each field has to forbid it. So does ``Cache-Control`` where the response has an expiry date, or
    a modification date to guess a lifetime from (RFC 9111, section 4.2.2).
    """
    fields = _combined(headers)
    for name, value in fields.items():
        if name in _OLDER_FIELDS:
            if _OLDER_FIELDS[name].isdisjoint(name for name, _ in directives(value)):
                return True
        elif name.endswith("-cache-control") and not _is_private(directives(value)):
            return True
    return _permits(
        directives(fields.get("cache-control", "")),
        has_date="expires" in fields or "last-modified" in fields,
    )


def unshared(headers: Headers) -> dict[str, str]:
    """Return the headers to replace so that no shared cache stores a response for others."""
    fields = _combined(headers)
    replaced: dict[str, str] = {}
    vary = fields.get("vary", "")
    if {"cookie", "*"}.isdisjoint(name for name, _ in directives(vary)):
        replaced["Vary"] = _joined(vary, "Cookie")
    cache_control = fields.get("cache-control", "")
    if not _is_private(directives(cache_control)):
        replaced["Cache-Control"] = _joined(cache_control, "private")
    return replaced


def replaced(headers: Iterable[tuple[S, S]], ours: list[tuple[S, S]]) -> list[tuple[S, S]]:
    """Return headers with ours for those of the same name, and our ``Set-Cookie`` beside others."""
    names = {name.lower() for name, _ in ours} - {"set-cookie", b"set-cookie"}
    return [pair for pair in headers if pair[0].lower() not in names] + ours


def _combined(headers: Headers) -> dict[str, str]:
    """Return the value of each field, by its name in lower case (RFC 9110, section 5.3)."""
    fields: dict[str, str] = {}
    for name, value in headers:
        fields[name.lower()] = _joined(fields.get(name.lower(), ""), value)
    return fields


def _joined(values: str, value: str) -> str:
    return f"{values}, {value}" if values.strip(" \t,") else value


def _is_private(found: Directives) -> bool:
    """Return whether no shared cache may store the response.

    With an argument ``private`` is about some fields only, and a cache that understands the
    response's status ignores a ``no-store`` beside ``must-understand`` (RFC 9111, section 5.2.2).
    """
    names = {name for name, _ in found}
    return ("private", None) in found or ("no-store" in names and "must-understand" not in names)


def _permits(found: Directives, has_date: bool) -> bool:
    """Return whether ``Cache-Control`` lets a shared cache use the response again."""
    if _is_private(found):
        return False
    if any(name == "public" or (name in _STALE and _lasts(argument)) for name, argument in found):
        return True
    lifetimes = _arguments(found, "s-maxage") or _arguments(found, "max-age")
    if lifetimes:
        return any(map(_lasts, lifetimes))
    return has_date and ("no-cache", None) not in found


def _lasts(seconds: str | None) -> bool:
    """Return whether a lifetime is longer than 0 s; what is malformed may be."""
    return not seconds or seconds.strip("0") != ""


def _arguments(found: Directives, name: str) -> list[str | None]:
    return [argument for directive, argument in found if directive == name]
