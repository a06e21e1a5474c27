"""Create profile ids for visitors who have none yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from koala_middleware.caching import Headers, is_shared, unshared
from koala_middleware.callables import answer
from koala_middleware.cookies import mentions_cookie
from koala_middleware.sources import Source, source_of
from koala_middleware.validation import (
    BOOL,
    CALLABLE,
    Check,
    check_fields,
    checked,
    optional,
    refuse,
    text,
)

_NEAR = frozenset(["same-origin", "same-site", "none"])
_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])  # RFC 9110, section 9.2.1
_DOMAIN_CHARACTERS = frozenset(".-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

_DOMAIN = text(
    "a domain", lambda value: _DOMAIN_CHARACTERS.issuperset(value) and value.strip(".") != ""
)
_SECONDS = Check(
    "a whole number of seconds, more than 0",
    lambda value: isinstance(value, int) and not isinstance(value, bool),
    lambda value: value > 0,
)
_SECURE = Check(
    "True, False or 'auto'",
    lambda value: isinstance(value, bool | str),
    lambda value: value in (True, False, "auto"),
)
_SAMESITE = text("'Lax', 'Strict' or 'None'", ("Lax", "Strict", "None").__contains__)


@dataclass(frozen=True)
class Mint:
    """How to create a profile id and set its cookie for a new visitor.

    The cookie is never HttpOnly: Koala's pixel must read it.

    :param domain: ``".example.com"`` shares it with all subdomains, as Koala's samples do; None
        keeps it on this host.
    :param max_age: in seconds; browsers allow 400 days at the most.
    :param secure: True, False, or ``"auto"``, which follows the request's scheme.
    :param samesite: ``"Lax"``, ``"Strict"`` or ``"None"``.
    :param when: ``request -> bool``, of the adapter's own type; None means page navigations.
    :param shared_caches: set it also on a response that a shared cache may store, and leave its
        headers alone. Only for a cache that keeps ``Set-Cookie`` out: any other would hand one
        visitor's id to others.

    Raises TypeError or ValueError that names the argument, what was expected and what was given.
    """

    domain: str | None = checked(None, optional(_DOMAIN))
    _: KW_ONLY
    max_age: int = checked(365 * 24 * 60 * 60, _SECONDS)
    secure: bool | Literal["auto"] = checked("auto", _SECURE)
    samesite: Literal["Lax", "Strict", "None"] = checked("Lax", _SAMESITE)
    when: Callable[[Any], bool] | None = checked(None, optional(CALLABLE))
    shared_caches: bool = checked(False, BOOL)

    def __post_init__(self) -> None:
        check_fields(self, "Mint")
        if self.samesite == "None" and self.secure is False:
            refuse("Mint secure", "True or 'auto', as samesite is 'None'", self.secure)

    def wants(self, request: object) -> bool:
        """Return whether a visitor without a profile id gets one in this request."""
        return bool(answer((self.when or is_navigation)(request)))

    def check_cookie_name(self, name: str) -> None:
        """Raise ValueError if browsers would refuse the cookie under this name.

        https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes
        """
        prefix = name.lower()
        if prefix.startswith(("__http-", "__host-http-")):
            expected = "another prefix with mint, whose cookie is not HttpOnly"
            refuse("option cookie_name", expected, name)
        if prefix.startswith("__host-") and self.domain is not None:
            refuse("Mint domain", f"None, as cookie_name is {name!r}", self.domain)
        if _has_secure_prefix(name) and self.secure is False:
            refuse("Mint secure", f"True or 'auto', as cookie_name is {name!r}", self.secure)

    def can_keep(self, cookie_name: str, source: Source) -> bool:
        """Return whether the browser that sent a request would keep the cookie, and has none.

        One that it has may be withheld from a request of another site's making
        (https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-same-site-cookies),
        or have a value that is not ours to judge. A new cookie would overwrite it.
        """
        for_https = self.samesite == "None" or _has_secure_prefix(cookie_name)
        if for_https and not self.is_secure(source.scheme):
            return False
        if mentions_cookie(source.cookies or "", cookie_name):
            return False
        site = source.header("sec-fetch-site")
        if self.samesite == "Strict":
            return site in _NEAR
        if self.samesite == "None" or site != "cross-site":
            return True
        return source.method in _SAFE_METHODS and source.header("sec-fetch-dest") == "document"

    def headers(
        self, cookie_name: str, profile_id: str, scheme: str, status: object, headers: Headers
    ) -> dict[str, str]:
        """Return the headers that a response needs to set the cookie, or none if it may not.

        ``Set-Cookie`` is one more, the others replace those of the same name.
        """
        headers = list(headers)
        if any(
            name.lower() == "set-cookie" and value.partition("=")[0].strip() == cookie_name
            for name, value in headers
        ):
            return {}
        cookie = {"Set-Cookie": self.set_cookie(cookie_name, profile_id, scheme)}
        # A cache adds the headers of a 304 to the response that it has stored (RFC 9111, section
        # 3.2), which may be for all.
        if is_shared(headers) or str(status)[:3] == "304":
            return cookie if self.shared_caches else {}
        return cookie | unshared(headers)

    def set_cookie(self, cookie_name: str, profile_id: str, scheme: str) -> str:
        """Return the value of the ``Set-Cookie`` header (RFC 6265, section 4.1)."""
        from http.cookies import SimpleCookie  # here, because few responses need it

        cookie: SimpleCookie = SimpleCookie({cookie_name: profile_id})
        morsel = cookie[cookie_name]
        morsel["path"] = "/"
        morsel["max-age"] = str(self.max_age)
        morsel["samesite"] = self.samesite
        if self.domain is not None:
            morsel["domain"] = self.domain
        if self.is_secure(scheme):
            morsel["secure"] = True
        return morsel.OutputString()

    def is_secure(self, scheme: str) -> bool:
        """Return whether the cookie of a request with this scheme is for HTTPS only."""
        return scheme in ("https", "wss") if self.secure == "auto" else self.secure


# As Segment's browser library sets its cookies, on HTTPS, too:
# https://github.com/segmentio/analytics-next/blob/master/packages/browser/src/core/storage/cookieStorage.ts
AS_ANALYTICS_JS = Mint(secure=False)


def is_navigation(request: object) -> bool:
    """Return whether a browser asks for a page: by ``Sec-Fetch-Dest``, or else by ``Accept``."""
    source = source_of(request)
    destination = source.header("sec-fetch-dest")
    if destination is not None:
        return destination == "document"
    return "text/html" in (source.header("accept") or "")


def _has_secure_prefix(cookie_name: str) -> bool:
    return cookie_name.lower().startswith(("__secure-", "__host-"))
