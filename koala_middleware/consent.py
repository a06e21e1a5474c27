"""Readers of the cookies in which consent banners keep what a visitor agreed to.

Each is for the option ``consent``: a function of a request, of any adapter's type, that returns
what Segment calls ``categoryPreferences``, or None if nothing is known.

https://www.twilio.com/docs/segment/privacy/consent-management/consent-in-segment-connections
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Literal
from urllib.parse import unquote

from koala_middleware import tc_string
from koala_middleware.cookies import cookie_values, unquote_cookie
from koala_middleware.sources import source_of

Preferences = dict[str, bool]
Reader = Callable[[Any], Preferences | None]

_COOKIEBOT_CATEGORIES = ("necessary", "preferences", "statistics", "marketing")
_COOKIEBOT_CHOICE = re.compile(rf"[{{,]({'|'.join(_COOKIEBOT_CATEGORIES)}):(true|false)(?=[,}}])")
_MOST_VENDOR = 2**16 - 1


def onetrust(*, unknown: Literal["omit", "deny"] = "omit", gpc: Collection[str] = ()) -> Reader:
    """Return a reader of OneTrust's ``OptanonConsent``.

    The categories are the groups of its banner, such as ``C0004``.

    :param unknown: what to return of a visitor without a valid cookie: ``"omit"`` None, so that
        Segment enforces nothing, ``"deny"`` an empty dict, so that Segment sends the event to no
        destination with a category.
    :param gpc: the categories that Global Privacy Control (``Sec-GPC: 1``) denies, whatever the
        cookie says. Then a visitor without a valid cookie has these alone.
    """
    return _reader("OptanonConsent", _onetrust, unknown, gpc)


def cookiebot(*, unknown: Literal["omit", "deny"] = "omit", gpc: Collection[str] = ()) -> Reader:
    """Return a reader of Cookiebot's ``CookieConsent``.

    The categories are ``necessary``, ``preferences``, ``statistics`` and ``marketing``. For the
    parameters see :func:`onetrust`.
    """
    return _reader("CookieConsent", _cookiebot, unknown, gpc)


def didomi(*, unknown: Literal["omit", "deny"] = "omit", gpc: Collection[str] = ()) -> Reader:
    """Return a reader of Didomi's ``didomi_token``.

    The categories are the ids of its purposes, without those the visitor has not answered. For the
    parameters see :func:`onetrust`.
    """
    return _reader("didomi_token", _didomi, unknown, gpc)


def tcf(
    *,
    vendors: Collection[int] = (),
    unknown: Literal["omit", "deny"] = "omit",
    gpc: Collection[str] = (),
) -> Reader:
    """Return a reader of the IAB's consent string in ``euconsent-v2``.

    The categories are ``purpose_1`` to ``purpose_11``.

    :param vendors: the ids of vendors in the Global Vendor List, for ``vendor_<id>``.

    For the other parameters see :func:`onetrust`.
    """
    wanted = tuple(vendors)
    for vendor in wanted:
        if type(vendor) is not int or not 1 <= vendor <= _MOST_VENDOR:
            expected = f"tcf: expected vendors, each an int from 1 to {_MOST_VENDOR}"
            raise (ValueError if type(vendor) is int else TypeError)(f"{expected}, got {vendor!r}")

    def parse(value: str) -> Preferences | None:
        return tc_string.decode(unquote_cookie(value), wanted)

    return _reader("euconsent-v2", parse, unknown, gpc)


def _reader(
    cookie: str,
    parse: Callable[[str], Preferences | None],
    unknown: str,
    gpc: Collection[str],
) -> Reader:
    if unknown not in ("omit", "deny"):
        raise ValueError(f"unknown: expected 'omit' or 'deny', got {unknown!r}")
    if isinstance(gpc, str) or not all(isinstance(category, str) for category in gpc):
        raise TypeError(f"gpc: expected names of categories, each a str, got {gpc!r}")
    denied = dict.fromkeys(gpc, False)

    def read(request: Any) -> Preferences | None:
        source = source_of(request)
        values = cookie_values(source.cookies or "", cookie)
        preferences = next(filter(None, map(parse, values)), None)
        if denied and source.header("sec-gpc") == "1":
            preferences = {**(preferences or {}), **denied}
        return {} if preferences is None and unknown == "deny" else preferences

    return read


def _onetrust(value: str) -> Preferences | None:
    if "=" not in value:
        value = unquote_cookie(value)
    # Split before it is decoded: the landing page's URL is in there, and may have groups, too.
    fields = (field.partition("=") for field in value.split("&"))
    groups = next((text for name, _, text in fields if name == "groups"), "")
    answers = (group.rpartition(":") for group in unquote(groups).split(","))
    return {name: answer == "1" for name, _, answer in answers if name and answer in ("0", "1")}


def _cookiebot(value: str) -> Preferences | None:
    value = unquote_cookie(value)
    if value in ("0", "-1"):  # declined; outside the regions where Cookiebot asks
        return {name: name == "necessary" or value == "-1" for name in _COOKIEBOT_CATEGORIES}
    return {name: answer == "true" for name, answer in _COOKIEBOT_CHOICE.findall(value)}


def _didomi(value: str) -> Preferences | None:
    import json  # here, because few applications need these
    from base64 import b64decode

    try:
        purposes = json.loads(b64decode(unquote_cookie(value) + "=="))["purposes"]
        enabled, disabled = (_texts(purposes.get(name)) for name in ("enabled", "disabled"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return {**dict.fromkeys(enabled, True), **dict.fromkeys(disabled, False)}


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
