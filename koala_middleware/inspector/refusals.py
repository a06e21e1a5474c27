"""Uploads that are answered 400, and what is kept of them."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from koala_middleware.inspector.json_text import printable

_LONGEST = 300  # characters of the message, and of the excerpt
# In JSON, in JSON within JSON, in a printed dict, and in a form.
_WRITE_KEY = re.compile(r"""(write_?key[\\"']*\s*[:=]\s*[\\"']*)[^\\"'&,}\s]+""", re.IGNORECASE)


class LoopError(ValueError):
    """An upload that this inspector forwarded has come back to it."""


class RefusedUpload(NamedTuple):
    """What is known about an upload whose events cannot be read."""

    path: str
    code: str  # "malformed", "too_large" or "loop", as in the answer
    message: str
    bytes: int  # as they were sent
    events: int | None  # in the batch, where it can be read at all
    excerpt: str  # from its beginning, without write keys

    @property
    def size(self) -> str:
        """Describe how much was refused."""
        size = f"{self.bytes:,} bytes"
        if self.events is None:
            return size
        return f"{self.events:,} event{'s' * (self.events != 1)}, {size}"


def refused_upload(path: str, code: str, message: str, size: int, body: bytes) -> RefusedUpload:
    """Describe an upload of ``size`` bytes; ``body`` is what was read of it."""
    text = _WRITE_KEY.sub(r"\1…", body.decode("utf-8", "backslashreplace"))
    return RefusedUpload(path, code, _short(message), size, _count_events(body), _short(text))


def _short(text: str) -> str:
    text = printable(text[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _count_events(body: bytes) -> int | None:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    events = value.get("batch") if isinstance(value, dict) else None
    return len(events) if isinstance(events, list) else None
