"""The parameters of a URL's query."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from starlette.exceptions import HTTPException

from koala_middleware.inspector.storage.event_store import Filter
from koala_middleware.inspector.storage.overview import Series
from koala_middleware.inspector.verdict import VERDICTS

_MOST_ID = (1 << 63) - 1  # SQLite's greatest integer
_TIMES: dict[str, Literal["received_at", "timestamp"]] = {
    "received_at": "received_at",
    "timestamp": "timestamp",
}
_MOST_SECONDS = 31 * 86400
_MOST_STEPS = 500
_LONGEST = 1000
_LONGEST_SEARCH = 4000


def query_filter(query: Mapping[str, str]) -> Filter:
    """Return the filter that a query describes.

    Raises HTTPException for a wrong one, with a message for who sent it.
    """
    verdict = query.get("verdict") or None
    if verdict not in (None, *VERDICTS):
        raise _wrong("verdict", f"one of {', '.join(VERDICTS)}")
    return Filter(
        verdict=verdict,
        profile_id=_text(query, "profile_id"),
        text=_text(query, "text"),
        q=_text(query, "q", _LONGEST_SEARCH),
        after=_id(query, "after"),
        before=_id(query, "before"),
    )


def query_series(query: Mapping[str, str]) -> Series:
    """Return the steps of time until now that a query asks to count in.

    Raises HTTPException for a wrong one, with a message for who sent it.
    """
    count = integer(query, "steps", 60, 1, _MOST_STEPS)
    width = integer(query, "seconds", 3600, 1, _MOST_SECONDS) / count
    by = _TIMES.get(query.get("by") or "received_at")
    if by is None:
        raise _wrong("by", "received_at or timestamp")
    # Steps begin at whole multiples of their width, so that a bar keeps its events.
    return Series((time.time() // width - count + 1) * width, width, count, by)


def integer(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Return a number of the query, or the default.

    Raises HTTPException for one that is not a number, or out of bounds.
    """
    text = query.get(name, "") or str(default)
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise _wrong(name, f"a whole number from {least} to {most}")


def _id(query: Mapping[str, str], name: str) -> int | None:
    return integer(query, name, 0, 0, _MOST_ID) if query.get(name) else None


def _text(query: Mapping[str, str], name: str, longest: int = _LONGEST) -> str | None:
    text = query.get(name) or None
    if text is not None and len(text) > longest:
        raise _wrong(name, f"at most {longest} characters")
    return text


def _wrong(name: str, expected: str) -> HTTPException:
    return HTTPException(400, f"{name}: expected {expected}")
