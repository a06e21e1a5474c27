"""What the demo shows of an event that arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from koala_middleware.inspector import Dropped, koala_request


class Row(NamedTuple):
    """Hold what an event says and, if Koala (Cloud) drops it, why and how to mend that."""

    event: str | None
    ref: str | None
    profile_id: str | None
    reason: str | None = None
    hint: str | None = None


def make_row(event: Mapping[str, object]) -> Row:
    """Return the row of an event, which may be whatever somebody sent."""
    properties = event.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    values = (event.get("event"), properties.get("ref"), properties.get("profile_id"))
    row = Row(*map(_text, values))
    verdict = koala_request(event)
    if isinstance(verdict, Dropped):
        return row._replace(reason=verdict.reason, hint=verdict.hint)
    return row


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"({type(value).__name__})"
