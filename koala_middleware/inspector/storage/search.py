"""The search field's language, as SQL: ``type:track event:"Order*" since:10m "as typed" word``."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import datetime

from koala_middleware.inspector.json_text import compact

Condition = tuple[str, list[object]]

_COLUMNS = {
    "type": "type",
    "event": "event",
    "user": "user_id",
    "anonymous": "anonymous_id",
    "email": "email",
    "profile": "profile_id",
    "verdict": "verdict",
    "reason": "reason",
    "cause": "cause",
    "call": "call",
    "request": "request",
}
_TIMES = {
    "since": "received_at >=",
    "until": "received_at <",
    "from": "timestamp >=",
    "to": "timestamp <",
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_QUOTED = r'"((?:[^"\\]|\\.)*)"?'
_TERM = re.compile(rf"(?:([\w$.-]+):)?(?:{_QUOTED}|(\S+))")
_AGO = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


def search(text: str) -> list[Condition]:
    """Return the SQL conditions of a search, all of which must hold, with their parameters."""
    return [_condition(found) for found in _TERM.finditer(text)]


def folded(text: str) -> str:
    """Return a text without its case and its accents."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold()


def like(text: str) -> str:
    """Return the pattern of LIKE, with a backslash to escape, that finds a text anywhere."""
    return f"%{_escaped(text)}%"


def as_stored(text: str) -> str:
    """Return a text as the JSON of a message has it."""
    return compact(text)[1:-1]


def unix_time(text: str) -> float | None:
    """Return the Unix time of an ISO 8601 text, or None for another text."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _condition(found: re.Match[str]) -> Condition:
    name, quoted, plain = found.groups()
    value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    if name == "person":
        return "? IN (user_id, anonymous_id, email, profile_id)", [value]
    if name in _COLUMNS:
        return _matches(_COLUMNS[name], value)
    if name in _TIMES and (at := _time(value)) is not None:
        return f"{_TIMES[name]} ?", [at]
    if name and "." in name:
        path = "$" + "".join(f'."{part}"' for part in name.split("."))
        condition, values = _matches("CAST(json_extract(message, ?) AS TEXT)", value)
        return condition, [path, *values]
    if name:
        value = f"{name}:{value}"  # a text that happens to have a colon in it
    elif quoted is not None:
        return "instr(message, ?)", [as_stored(value)]
    word = folded(as_stored(value))
    return r"coalesce(folded, message) LIKE ? ESCAPE '\'", [like(word)]


def _matches(column: str, value: str) -> Condition:
    if "*" in value:
        return rf"{column} LIKE ? ESCAPE '\'", [_escaped(value).replace("*", "%")]
    return f"{column} = ?", [value]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _time(text: str) -> float | None:
    if ago := _AGO.fullmatch(text):
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    return unix_time(text)
