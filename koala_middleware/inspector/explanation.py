"""What an event says about its own visitor in ``context.koala``: see the option ``explain``.

It is for the inspector alone, so it is taken out of a message before that is judged or forwarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from koala_middleware.inspector.causes import CAUSES
from koala_middleware.inspector.json_text import encodable

_LONGEST = 300  # characters of a text


class Explanation(NamedTuple):
    """Why an event has the visitor that it has, or none; each is None where it is not known."""

    cause: str | None = None  # one of CAUSES
    call: str | None = None  # "billing/tasks.py:88"
    request: str | None = None  # "POST /checkout"
    koala_version: str | None = None


def without_explanation(message: Mapping[str, Any]) -> tuple[Mapping[str, Any], Explanation]:
    """Return a copy of a message without its explanation, and the explanation."""
    context = message.get("context") if isinstance(message, Mapping) else None
    if not isinstance(context, Mapping) or not _explains(context.get("koala")):
        return message, Explanation()
    rest = dict(context)
    said = rest.pop("koala")
    cause, request = said["cause"], said.get("request")
    explanation = Explanation(
        cause if isinstance(cause, str) and cause in CAUSES else None,
        _text(said.get("call")),
        _request(request) if isinstance(request, Mapping) else None,
        _text(said.get("version")),
    )
    return {**message, "context": rest}, explanation


def with_explanation(message: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message as it was sent; ``row`` has the fields of its explanation."""
    if row["cause"] not in CAUSES:
        return message
    method, _, path = (row["request"] or "").partition(" ")
    said = {
        "cause": row["cause"],
        "call": row["call"],
        "request": {"method": method, "path": path} if method else None,
        "version": row["koala_version"],
    }
    return {**message, "context": {**message["context"], "koala": said}}


def _explains(said: object) -> bool:
    # Else it is the application's own.
    return isinstance(said, Mapping) and "cause" in said


def _request(said: Mapping[str, Any]) -> str | None:
    method, path = _text(said.get("method")), _text(said.get("path"))
    return f"{method} {path}" if method and path else None


def _text(value: object) -> str | None:
    return encodable(value[:_LONGEST]) if isinstance(value, str) and value else None
