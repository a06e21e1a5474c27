"""JSON from others, and JSON for browsers, terminals and files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
MOST_DEPTH = 100  # of objects and arrays: deeper than any event, shallower than parsers allow


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises ValueError for another text, and for what no browser could read back: numbers such as
    NaN and 1e999, and values that are nested too deeply.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {type(value).__name__}")
    if _is_deep(value):
        raise ValueError("the JSON is nested too deeply")
    return value


def compact(value: object) -> str:
    """Return JSON that UTF-8 can encode."""
    return encodable(_compact(value))


def ascii_json(value: object) -> str:
    """Return JSON in ASCII; everything else is escaped."""
    return json.dumps(value, separators=(",", ":"))


def encodable(text: str) -> str:
    """Return text that UTF-8 can encode: half a surrogate pair is again the escape it came as."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """Return text that no terminal takes for a command: control characters are escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _values(outer)]
        if not level:
            return False
    return True


def _values(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal[:20]} is not a number in JSON")
    return number
