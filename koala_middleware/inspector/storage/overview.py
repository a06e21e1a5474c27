"""What is counted of the chosen messages: totals, a series, issues, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from koala_middleware.inspector.verdict import VERDICTS

Read = Callable[[str, Sequence[object]], list[Any]]

# An issue is the same reason and cause, at the same call.
_ISSUE = ("verdict", "reason", "cause", "type", "event", "call")
_ISSUE_COLUMNS = (*_ISSUE, "count", "newest", "last_seen", "hint", "request")
_MOST_ISSUES = 50
_ISSUES = f"""
    WITH issues AS (
        SELECT {", ".join(_ISSUE)}, count(*) AS count, max(id) AS newest {{source}}
        AND verdict NOT IN ('accepted', 'ignored') GROUP BY {", ".join(_ISSUE)}
        ORDER BY count DESC, newest DESC LIMIT ?
    )
    SELECT issues.*, received_at, hint, request FROM issues JOIN events ON events.id = newest
    ORDER BY count DESC, newest DESC
"""
_NAME_COLUMNS = ("type", "event", "count", "accepted")
_MOST_NAMES = 50
_NAMES = """
    SELECT type, event, count(*) AS count, count(*) FILTER (WHERE verdict = 'accepted') {source}
    AND verdict NOT IN ('ignored', 'upload_refused') AND type IS NOT NULL GROUP BY type, event
    ORDER BY count DESC, type DESC, event LIMIT ?
"""

# What the queries above and below read, for a copy of the chosen rows.
COLUMNS = ("id", "received_at", "timestamp", "profile_id", *_ISSUE)


class Series(NamedTuple):
    """Steps of time, as many as ``steps``, from ``start`` on, ``width`` seconds each."""

    start: float
    width: float
    steps: int
    by: Literal["received_at", "timestamp"] = "received_at"


def overview(read: Read, source: str, values: list[object], series: Series) -> dict[str, Any]:
    """Return totals, the series, issues and names; ``source`` is ``FROM … WHERE …``."""
    counts = dict.fromkeys(VERDICTS, 0)
    counts.update(read(f"SELECT verdict, count(*) {source} GROUP BY verdict", values))
    ((visitors,),) = read(f"SELECT count(DISTINCT profile_id) {source}", values)
    issues = read(_ISSUES.format(source=source), [*values, _MOST_ISSUES])
    names = read(_NAMES.format(source=source), [*values, _MOST_NAMES])
    return {
        "total": sum(counts.values()),
        **counts,
        "visitors": visitors,
        "series": {"seconds": series.width, "steps": _steps(read, source, values, series)},
        "issues": [dict(zip(_ISSUE_COLUMNS, row, strict=True)) for row in issues],
        "names": [dict(zip(_NAME_COLUMNS, row, strict=True)) for row in names],
    }


def _steps(read: Read, source: str, values: list[object], series: Series) -> list[dict[str, Any]]:
    start, width, count, by = series
    steps: list[dict[str, Any]] = [
        {"time": start + step * width, **dict.fromkeys(VERDICTS, 0)} for step in range(count)
    ]
    bars = read(
        f"SELECT CAST(({by} - ?) / ? AS INTEGER) AS step, verdict, count(*) {source}"
        f" AND {by} >= ? AND {by} < ? GROUP BY step, verdict",
        [start, width, *values, start, start + width * count],
    )
    for step, verdict, number in bars:
        steps[min(step, count - 1)][verdict] = number
    return steps
