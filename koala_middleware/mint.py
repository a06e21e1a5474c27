"""Give a visitor whom the pixel has not met yet a profile id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from koala_middleware.caching import Headers, is_shared, unshared
from koala_middleware.callables import FUNCTION, answer, is_function
from koala_middleware.cookies import mentions_cookie
from koala_middleware.sources import Source, source_of

_YEAR = 365 * 24 * 60 * 60
_NEAR = frozenset(["same-origin", "same-site", "none"])
_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])  # RFC 9110, section 9.2.1
_DOMAIN = frozenset(".-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Mint:
    """How to create a profile ID and set its cookie for a new visitor.

    The cookie is never HttpOnly: Koala's pixel must read it.

    :param domain: ``".example.com"`` shares it with all subdomains, as Koala's samples do; None
        keeps it on this host.
    :param max_age: in seconds; browsers allow 400 days at the most.
    :param secure: True, False, or ``"auto"``: as the request's scheme is.
    :param samesite: ``"Lax"``, ``"Strict"`` or ``"None"``.
    :param when: ``request -> bool``, of the adapter's own type; None stands for page navigations.
    :param shared_caches: set it also on a response that a shared cache may store, and leave its
        headers alone. Only for a cache that keeps ``Set-Cookie`` out: any other would hand one
        visitor's id to others.

    Raises TypeError or ValueError that names the argument, what was expected and what was given.
    """

    domain: str | None = None
    _: KW_ONLY
    max_age: int = _YEAR
    secure: bool | Literal["auto"] = "auto"
    samesite: Literal["Lax", "Strict", "None"] = "Lax"
    when: Callable[[Any], bool] | None = None
    shared_caches: bool = False

    def __post_init__(self) -> None:
        domain, max_age = self.domain, self.max_age
        self._check("domain", domain is None or isinstance(domain, str), TypeError, "a str or None")
        self._check(
            "domain",
            domain is None or (_DOMAIN.issuperset(domain) and domain.strip(".") != ""),
            ValueError,
            "a domain",
        )
        whole = isinstance(max_age, int) and not isinstance(max_age, bool)
        self._check("max_age", whole, TypeError, "whole seconds")
        self._check("max_age", max_age > 0, ValueError, "more than 0 seconds")
        self._check("secure", self.secure in (True, False, "auto"), ValueError, "a bool or 'auto'")
        sites = ("Lax", "Strict", "None")
        self._check("samesite", self.samesite in sites, ValueError, f"one of {sites}")
        insecure = self.samesite == "None" and self.secure is False
        self._check("secure", not insecure, ValueError, "True, as samesite is 'None'")
        shared_caches = isinstance(self.shared_caches, bool)
        self._check("shared_caches", shared_caches, TypeError, "True or False")
        usable = self.when is None or is_function(self.when)
        self._check("when", usable, TypeError, f"{FUNCTION}, or None")

    def _check(self, name: str, valid: bool, error: type[Exception], expected: str) -> None:
        if not valid:
            raise error(f"Mint {name}: expected {expected}, got {getattr(self, name)!r}")

    def wants(self, request: object) -> bool:
        """Return whether a visitor without a profile id gets one in this request."""
        return bool(answer((self.when or is_navigation)(request)))

    def check_cookie_name(self, name: str) -> None:
        """Raise ValueError if browsers would refuse the cookie under this name.

        https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes
        """
        prefix = name.lower()
        because = f"as cookie_name is {name!r}"
        if prefix.startswith(("__http-", "__host-http-")):
            raise ValueError(
                f"option cookie_name: expected another prefix with mint, whose cookie is not "
                f"HttpOnly, got {name!r}"
            )
        hostless = not prefix.startswith("__host-") or self.domain is None
        self._check("domain", hostless, ValueError, f"None, {because}")
        secure = not _has_secure_prefix(name) or self.secure is not False
        self._check("secure", secure, ValueError, f"True or 'auto', {because}")

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


def mint_profile_id() -> str:
    """Return a new profile id, a UUID4 as Koala's own."""
    from uuid import uuid4  # here, because few applications need it

    return str(uuid4())


def is_navigation(request: object) -> bool:
    """Return whether a browser asks for a page: by ``Sec-Fetch-Dest``, or else by ``Accept``."""
    source = source_of(request)
    destination = source.header("sec-fetch-dest")
    if destination is not None:
        return destination == "document"
    return "text/html" in (source.header("accept") or "")


def _has_secure_prefix(cookie_name: str) -> bool:
    return cookie_name.lower().startswith(("__secure-", "__host-"))
