"""Two people who browse the same site, and what was sent about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import segment.analytics as analytics

import koala_middleware as koala

ALICE = "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba"
BOB = "b0b5f7d4-91a6-4c52-8f0e-6d1c2f3a4b5c"


def cookie(profile_id: str) -> dict[str, str]:
    """Return the header that a browser with this ``ko_id`` sends."""
    return {"Cookie": f"ko_id={profile_id}"}


def carrier(profile_id: str | None, anonymous_id: str | None = None) -> dict[str, Any]:
    """Return what is written into a message that this visitor sends."""
    written: dict[str, Any] = {}
    with koala.profile(profile_id, anonymous_id=anonymous_id):
        koala.inject(written)
    return written


def track(event: str) -> None:
    """Track an event as applications do."""
    analytics.track("u1", event)


def profile_ids(events: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the profile id that each event carries, by the event's name."""
    return {event["event"]: event["properties"].get("profile_id") for event in events}


def start_response(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
) -> Callable[[bytes], object]:
    """Take what a WSGI application says before its body (PEP 3333)."""
    return lambda data: None
