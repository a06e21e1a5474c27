"""Our member of the header ``baggage``: https://www.w3.org/TR/baggage/."""

from __future__ import annotations

from collections.abc import Iterator

HEADER = "baggage"
_KEY = "koala.profile_id"
# What the specification wants to be let through at least, and OpenTelemetry lets through at most.
_LONGEST_HEADER = 8192
_MOST_MEMBERS = 180


def is_baggage(header_name: str) -> bool:
    """Return whether a header is the one that carries members, ours among others."""
    return header_name.lower() == HEADER


def profile_ids(header: str) -> Iterator[str]:
    """Yield the values of our members, decoded; a header over 8192 characters has none."""
    if _KEY not in header or len(header) > _LONGEST_HEADER:
        return
    from urllib.parse import unquote  # here, because few requests have one

    for member in header.split(",")[:_MOST_MEMBERS]:
        key, _, value = member.partition(";")[0].partition("=")
        if key.strip(" \t") == _KEY:
            yield unquote(value.strip(" \t"), errors="surrogateescape")


def member(profile_id: str) -> str:
    """Return our member of the header."""
    from urllib.parse import quote  # here, because few applications need it

    return f"{_KEY}={quote(profile_id, safe='')}"


def joined(header: str, ours: str) -> str:
    """Return a header with our member behind its others, unless it has one."""
    keys = [each.partition("=")[0].strip(" \t") for each in header.split(",")]
    return header if _KEY in keys else f"{header},{ours}"
