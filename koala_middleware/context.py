"""What Segment calls an event's context, read from the request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from koala_middleware.browser_context import (
    campaign,
    group_id,
    locale,
    page_of_referer,
    user_agent_data,
)
from koala_middleware.faults import log_once
from koala_middleware.sources import Source

# https://segment.com/docs/connections/spec/common/#context
CONTEXT_KEYS = ("ip", "userAgent", "page", "campaign", "locale", "groupId", "userAgentData")

_LONGEST_VALUE = 2048
_IN_A_PATH = "/:@!$&'()*+,;=~-._"  # RFC 3986, section 3.3


def request_context(source: Source, wanted: Collection[str]) -> dict[str, Any]:
    """Return those of the keys that are wanted and known.

    The ip is the peer's as the server reports it; a value is cut after 2048 characters.
    """
    context = {key: _value(key, source) for key in CONTEXT_KEYS if key in wanted}
    return {key: value for key, value in context.items() if value}


def _value(key: str, source: Source) -> object:
    try:
        return _READERS[key](source)
    except Exception as fault:  # whatever a server takes for an environ or a scope
        log_once(f"the context's {key} cannot be read: events go out without it", fault)
        return None


def _ip(source: Source) -> str | None:
    from ipaddress import ip_address  # here, because few applications need it

    try:
        return str(ip_address(source.peer or ""))
    except ValueError:  # a Unix socket, or whatever a proxy's header said
        return None


def _user_agent(source: Source) -> str | None:
    return _bounded(source.header("user-agent"))


def _page(source: Source) -> dict[str, str]:
    page = page_of_referer(source)
    if page is not None:
        return page
    from urllib.parse import quote  # here, because few applications need it

    # What is not UTF-8 may have become surrogates, in servers and in test clients.
    path = quote(source.path, safe=_IN_A_PATH, errors="replace")
    host = source.header("host")
    query = f"?{source.query}" if source.query else ""
    values = {
        "path": _bounded(path),
        "search": _bounded(query),
        "url": _bounded(f"{source.scheme}://{host}{path}{query}") if host else None,
        "referrer": _bounded(source.header("referer")),
    }
    return {key: value for key, value in values.items() if value}


def _campaign(source: Source) -> dict[str, str]:
    page = page_of_referer(source)
    return campaign(source.query if page is None else page.get("search", ""))


def _bounded(value: str | None) -> str | None:
    return value[:_LONGEST_VALUE] if value else None


_READERS: dict[str, Callable[[Source], object]] = {
    "ip": _ip,
    "userAgent": _user_agent,
    "page": _page,
    "campaign": _campaign,
    "locale": lambda source: locale(source.header("accept-language") or ""),
    "groupId": lambda source: group_id(source.cookies or ""),
    "userAgentData": user_agent_data,
}
