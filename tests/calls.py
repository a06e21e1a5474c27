"""What a site's view may call, and the headers that a browser sends."""

from __future__ import annotations

from typing import Any

import segment.analytics as analytics

from tests.serving import Headers

EMAIL = "alice@example.com"
BROWSER = {"user_agent": "Mozilla/5.0", "referer": "http://search.test/"}
NAVIGATION = {"sec_fetch_dest": "document"}


def track(**properties: object) -> None:
    analytics.track("u1", "E", properties)


def identify(**traits: object) -> None:
    analytics.identify("u1", traits)


async def coroutine(value: object) -> Any:
    raise AssertionError("nobody awaits it")


def asynchronously(value: object) -> Any:
    """Return a coroutine, as no check of the function itself can know."""
    return coroutine(value)


def set_cookies(headers: Headers) -> list[str]:
    return [value.strip() for name, value in headers if name.lower() == "set-cookie"]
