"""Ready-made request filters, for every adapter: combine them with ``&``, ``|`` and ``~``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

from koala_middleware.callables import FUNCTION, answer, is_function
from koala_middleware.cookies import before_joint, first_cookie_value, unquote_cookie
from koala_middleware.sources import Source, source_of

_YES = ("1", "true", "yes")

# What crawlers, link previews, monitors and libraries call themselves. (Cubot makes phones.)
_BOTS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|headless|lighthouse|pingdom"
    r"|uptime|monitor|^(?:curl|wget|python|go-http-client|java|okhttp|ruby|php)\b",
    re.IGNORECASE,
)
_LONGEST_USER_AGENT = 1024


class Filter:
    """A decision whether a request may have a visitor, for the option ``request_filter``.

    Raises TypeError for an ``admits`` that is asynchronous.
    """

    __slots__ = ("_admits",)

    def __init__(self, admits: Callable[[Source], bool]) -> None:
        if not is_function(admits):
            raise TypeError(f"Filter: expected {FUNCTION}, got {admits!r}")
        self._admits = admits

    def __call__(self, request: Any) -> bool:
        """Return True if the request, of any adapter's type, may have a visitor."""
        return self._admits(source_of(request))

    def __and__(self, other: Filter) -> Filter:
        return Filter(lambda source: self._admits(source) and other._admits(source))

    def __or__(self, other: Filter) -> Filter:
        return Filter(lambda source: self._admits(source) or other._admits(source))

    def __invert__(self) -> Filter:
        return Filter(lambda source: not self._admits(source))


def _has_no_bots_name(source: Source) -> bool:
    user_agent = source.header("user-agent") or ""
    return _BOTS.search(user_agent[:_LONGEST_USER_AGENT]) is None


#: Refuse a browser with Global Privacy Control on (``Sec-GPC: 1``,
#: https://w3c.github.io/gpc/#the-sec-gpc-header-field-for-http-requests).
respect_gpc: Filter = Filter(lambda source: source.header("sec-gpc") != "1")

#: Refuse a browser with Do Not Track on (``DNT: 1``, https://www.w3.org/TR/tracking-dnt/#dnt-header-field).
respect_dnt: Filter = Filter(lambda source: source.header("dnt") != "1")

#: Refuse crawlers, link previews, monitors and HTTP libraries that say what they are.
skip_bots: Filter = Filter(_has_no_bots_name)


def skip_paths(*patterns: str) -> Filter:
    """Refuse paths that match a pattern, such as ``"/health"`` or ``"/static/*"``.

    Raises TypeError for a pattern that is not a str.
    """
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"skip_paths: expected patterns, each a str, got {pattern!r}")
    return Filter(lambda source: not any(fnmatchcase(source.path, pattern) for pattern in patterns))


def consent_cookie(
    name: str, accepts: str | Collection[str] | Callable[[str], bool] = _YES
) -> Filter:
    """Refuse a request unless its cookie ``name`` says that the visitor consents.

    If there are several of that name, the first decides: the one with the most specific path.

    :param accepts: the value that means consent, a collection of such values, or a function of the
        value; percent-encoding and a pair of double quotes are removed from the value first. Behind
        a server that joins HTTP/2's cookies with commas, a function also gets what follows the
        comma.

    Raises TypeError for a function that is asynchronous.
    """
    if callable(accepts) and not is_function(accepts):
        raise TypeError(f"consent_cookie: expected {FUNCTION}, got {accepts!r}")
    values = () if callable(accepts) else [accepts] if isinstance(accepts, str) else accepts
    accepted = frozenset(values)

    def consents(source: Source) -> bool:
        value = first_cookie_value(source.cookies or "", name)
        if value is None:
            return False
        if callable(accepts):
            return bool(answer(accepts(unquote_cookie(value))))
        return unquote_cookie(before_joint(value)) in accepted

    return Filter(consents)
