"""Rows as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

_COLUMNS = (
    "received_at",
    "timestamp",
    "type",
    "event",
    "user_id",
    "anonymous_id",
    "email",
    "profile_id",
    "verdict",
    "reason",
    "cause",
    "call",
    "request",
    "message_id",
)
# A spreadsheet takes such a text for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def head() -> str:
    """Return the line of the columns' names."""
    return _lines([_COLUMNS])


def lines(found: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    """Return a line for each row and its message."""
    return _lines([_cell(row, message, name) for name in _COLUMNS] for row, message in found)


def _cell(row: Mapping[str, Any], message: Mapping[str, Any], name: str) -> str:
    if name == "received_at":
        return datetime.fromtimestamp(row[name], timezone.utc).isoformat(timespec="milliseconds")
    value = message.get(name) if name == "timestamp" else row[name]
    text = "" if value is None else str(value).encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
