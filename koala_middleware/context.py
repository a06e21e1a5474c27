"""What Segment calls the context of an event, as far as the request tells it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from koala_middleware.sources import Source

# https://segment.com/docs/connections/spec/common/#context
CONTEXT_KEYS = ("ip", "userAgent", "page")

_LONGEST_VALUE = 2048
_IN_A_PATH = "/:@!$&'()*+,;=~-._"  # RFC 3986, section 3.3


def request_context(source: Source, wanted: Collection[str]) -> dict[str, Any]:
    """Return those of ``ip``, ``userAgent`` and ``page`` that are wanted and known.

    The ip is the peer's as the server reports it; a value is cut after 2048 characters.
    """
    context = {
        "ip": _ip(source.peer) if "ip" in wanted else None,
        "userAgent": _bounded(source.header("user-agent")) if "userAgent" in wanted else None,
        "page": _page(source) if "page" in wanted else None,
    }
    return {key: value for key, value in context.items() if value}


def _ip(peer: str | None) -> str | None:
    from ipaddress import ip_address  # here, because few applications need it

    try:
        return str(ip_address(peer or ""))
    except ValueError:  # a Unix socket, or whatever a proxy's header said
        return None


def _page(source: Source) -> dict[str, str]:
    from urllib.parse import quote  # here, because few applications need it

    path = quote(source.path, safe=_IN_A_PATH)
    host = source.header("host")
    query = f"?{source.query}" if source.query else ""
    page = {
        "path": _bounded(path),
        "url": _bounded(f"{source.scheme}://{host}{path}{query}") if host else None,
        "referrer": _bounded(source.header("referer")),
    }
    return {key: value for key, value in page.items() if value}


def _bounded(value: str | None) -> str | None:
    return value[:_LONGEST_VALUE] if value else None
