"""Ids that this package gives a visitor, and the cookies that the browser is to keep them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from koala_middleware.caching import Headers
from koala_middleware.callables import ask
from koala_middleware.faults import log_once
from koala_middleware.mint import AS_ANALYTICS_JS, Mint
from koala_middleware.sources import Source

# Below which of a country's domains names are registered; com.au, co.uk and the like.
_SECOND_LEVELS = frozenset(
    [
        "ac",
        "co",
        "com",
        "edu",
        "go",
        "gob",
        "gouv",
        "gov",
        "ltd",
        "mil",
        "ne",
        "net",
        "nom",
        "or",
        "org",
        "plc",
        "sch",
    ]
)


class NewId:
    """An id for a visitor without one, until it turns out that the response may not set its cookie.

    :param is_wanted: the response sets the cookie even if nothing uses the id.
    """

    __slots__ = ("_cookie_name", "_is_used", "_is_wanted", "_mint", "_value")

    def __init__(self, mint: Mint, cookie_name: str, is_wanted: bool = True) -> None:
        from uuid import uuid4  # here, because few applications need it

        self._mint = mint
        self._cookie_name = cookie_name
        self._is_wanted = is_wanted
        self._is_used = False
        self._value: str | None = str(uuid4())  # as Koala's and Segment's own

    def use(self) -> str | None:
        """Return the id, for something to be attributed to, or None if it has been given up."""
        self._is_used = True
        return self._value

    def cookie_headers(self, scheme: str, status: object, headers: Headers) -> dict[str, str]:
        """Return the headers that set the cookie, for a response.

        Where the response may not set it, an id that nothing has used yet is given up.
        """
        found: dict[str, str] = {}
        if self._value is not None and (self._is_wanted or self._is_used):
            found = self._mint.headers(self._cookie_name, self._value, scheme, status, headers)
            if not found and self._is_used:
                log_once(
                    f"events have a new id whose cookie, {self._cookie_name}, the response may not "
                    "set: see Mint.when"
                )
        if not found and not self._is_used:
            self._value = None
        return found


def new_profile_id(
    mint: Mint, cookie_name: str, source: Source, make_request: Callable[[], object]
) -> NewId | None:
    """Return a new profile id if the browser would keep it and the visitor is to have one."""
    if mint.can_keep(cookie_name, source) and ask(lambda: mint.wants(make_request())):
        return NewId(mint, cookie_name)
    return None


def new_anonymous_id(
    mint: Mint, cookie_name: str, source: Source, make_request: Callable[[], object]
) -> NewId | None:
    """Return a new anonymous id if the browser would keep it.

    If the visitor is not to have one anyway, it is there for a call that has no id at all.
    """
    if not mint.can_keep(cookie_name, source):
        return None
    if mint is AS_ANALYTICS_JS:
        mint = replace(mint, domain=registrable_domain(source.header("host") or ""))
    return NewId(mint, cookie_name, ask(lambda: mint.wants(make_request())))


def registrable_domain(host: str) -> str | None:
    """Return the domain that a host and its siblings share, as far as its name shows it.

    Analytics.js tries out for which domains the browser takes a cookie. On a server this is the
    last two labels, or three in ``shop.co.uk`` and the like; None for an address or a single label.
    """
    labels = host.partition(":")[0].lower().split(".")
    is_name = all(label.replace("-", "").isalnum() and label.isascii() for label in labels)
    if len(labels) < 2 or len(host) > 255 or not is_name or labels[-1].isdecimal():
        return None
    is_below_country = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3 if is_below_country else -2 :])
