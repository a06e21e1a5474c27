"""What an event has for Segment's destinations to match its visitor by, and what consent it says.

It is read from the table of presets. Nothing here does what those destinations do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from koala_middleware.destinations import DESTINATIONS, Destination
from koala_middleware.places import keys_of

# Where a message of each type has values of its own.
_OWN = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
}


def matching(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the destinations with what a message has for each, and what it says of consent."""
    own = _OWN.get(str(message.get("type")))
    found = [_matches(destination, message, own) for destination in DESTINATIONS]
    return {
        "destinations": [each for each in found if each["ids"]],
        "consent": _at(message, ("context", "consent", "categoryPreferences")),
    }


def _matches(
    destination: Destination, message: Mapping[str, Any], own: str | None
) -> dict[str, Any]:
    paths = dict.fromkeys(wanted.path for wanted in destination.ids)
    integrations = message.get("integrations")
    return {
        "name": destination.name,
        "is_excluded": isinstance(integrations, Mapping)
        and integrations.get(destination.name, integrations.get("All")) is False,
        "ids": [
            {
                "path": path,
                "is_there": _at(message, keys_of(path)) not in (None, ""),
                "is_mapped_by_hand": path in destination.mapped_by_hand,
            }
            for path in paths
            if keys_of(path)[0] in (own, "context", "integrations")
        ],
    }


def _at(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
