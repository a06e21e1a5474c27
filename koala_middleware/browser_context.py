"""What analytics.js, in the browser, would have put into an event's context."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from koala_middleware.cookies import cookie_values, parse_anonymous_id
from koala_middleware.sources import Source

_LONGEST_VALUE = 2048
_LONGEST_HEADER = 4096
_MOST_PAIRS = 64
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8}){0,8}")  # RFC 4647, section 2.1
_BRAND = re.compile(r'[ ,]*"([^"\\]{0,128})" ?; ?v="([^"\\]{0,64})" ?(?=,|$)')
_STRING = re.compile(r'"([^"\\]{1,128})"')  # RFC 8941, section 3.3.3
_CAMPAIGN_KEY = re.compile(r"utm_([\w-]{1,64})", re.ASCII)


def campaign(query: str) -> dict[str, str]:
    """Return the ``utm_…`` parameters of a query string, without that prefix.

    ``utm_campaign`` is the ``name``, and the last of several wins, as analytics.js has it.
    """
    if "utm_" not in query:
        return {}
    from urllib.parse import unquote_plus  # here, because few requests have one

    found = {}
    for pair in query.replace("?", "&").split("&")[:_MOST_PAIRS]:
        key, _, value = pair.partition("=")
        match = _CAMPAIGN_KEY.fullmatch(key)
        if match:
            name = "name" if match[1] == "campaign" else match[1]
            found[name] = unquote_plus(value[: 3 * _LONGEST_VALUE])[:_LONGEST_VALUE]
    return found


def locale(accept_language: str) -> str | None:
    """Return the language that an ``Accept-Language`` header prefers, such as ``en-GB``.

    That is ``navigator.language`` in browsers, which put it first.
    """
    for language in accept_language[:_LONGEST_HEADER].split(",")[:_MOST_PAIRS]:
        match = _LANGUAGE.fullmatch(language.partition(";")[0].strip(" \t"))
        if match:
            return match[0]
    return None


def group_id(cookies: str) -> str | None:
    """Return the group in ``ajs_group_id``, analytics.js's own cookie, of a ``Cookie`` header."""
    groups = map(parse_anonymous_id, cookie_values(cookies, "ajs_group_id"))
    return next(filter(None, groups), None)


def user_agent_data(source: Source) -> dict[str, Any]:
    """Return those client hints that the browser sent, as ``navigator.userAgentData`` names them.

    https://wicg.github.io/ua-client-hints/#http-ua-hints
    """
    hints = {}
    for key, (name, parse) in _HINTS.items():
        header = source.header(name)
        hint = parse(header) if header else None
        if hint is not None:
            hints[key] = hint
    return hints


def _brands(header: str) -> list[dict[str, str]] | None:
    brands, position = [], 0
    while len(header) <= _LONGEST_HEADER:
        match = _BRAND.match(header, position)
        if match is None:
            break
        brands.append({"brand": match[1], "version": match[2]})
        position = match.end()
    return brands or None


def _boolean(header: str) -> bool | None:
    return {"?1": True, "?0": False}.get(header)  # RFC 8941, section 3.3.6


def _string(header: str) -> str | None:
    match = _STRING.fullmatch(header)
    return match and match[1]


_HINTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "brands": ("sec-ch-ua", _brands),
    "mobile": ("sec-ch-ua-mobile", _boolean),
    "platform": ("sec-ch-ua-platform", _string),
    "architecture": ("sec-ch-ua-arch", _string),
    "bitness": ("sec-ch-ua-bitness", _string),
    "model": ("sec-ch-ua-model", _string),
    "platformVersion": ("sec-ch-ua-platform-version", _string),
    "fullVersionList": ("sec-ch-ua-full-version-list", _brands),
    "wow64": ("sec-ch-ua-wow64", _boolean),
}


def page_of_referer(source: Source) -> dict[str, str] | None:
    """Return the page whose script sent the request, or None if the request loads a page itself.

    Only a browser's fetch metadata tells the two apart (``Sec-Fetch-Dest``,
    https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header), so other clients' have None.
    """
    if source.header("sec-fetch-dest") in (None, "document"):
        return None
    referer = source.header("referer") or ""
    if len(referer) > _LONGEST_VALUE:
        return None
    from urllib.parse import urlsplit  # here, because few applications need it

    try:
        url = urlsplit(referer)
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not url.netloc:
        return None
    page = {
        "path": url.path or "/",
        "search": url.query and f"?{url.query}",
        "url": url._replace(fragment="").geturl(),
    }
    return {key: value for key, value in page.items() if value}
