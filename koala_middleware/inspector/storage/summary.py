"""What the inspector shows of a message."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from koala_middleware.inspector.causes import CAUSES
from koala_middleware.inspector.explanation import Explanation
from koala_middleware.inspector.json_text import compact, encodable
from koala_middleware.inspector.refusals import RefusedUpload
from koala_middleware.inspector.storage.search import unix_time
from koala_middleware.inspector.verdict import judge, remedy

_SHORT = 30  # characters of a name or a value in the preview


class Summary(NamedTuple):
    """A row of the list: texts, or None; ``timestamp`` is the message's own, as Unix time."""

    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    profile_id: str | None
    email: str | None
    verdict: str  # one of VERDICTS
    reason: str | None
    hint: str | None
    cause: str | None = None  # and what else the event says of its visitor: see Explanation
    call: str | None = None
    request: str | None = None
    koala_version: str | None = None
    preview: str | None = None  # two of its properties
    timestamp: float | None = None


def summarize(message: Mapping[str, Any], explanation: Explanation) -> Summary:
    """Return the summary of a message, which may contain anything."""
    kind = message.get("type")
    values = _object(message, "traits" if kind == "identify" else "properties")
    verdict = judge(message, explanation.cause)
    email = (values if verdict.koala_body is None else verdict.koala_body).get("email")
    name = message.get("event") if kind == "track" else message.get("name")
    return Summary(
        type=_text(kind),
        event=_text(name),
        user_id=_text(message.get("userId")),
        anonymous_id=_text(message.get("anonymousId")),
        profile_id=_text(values.get("profile_id")),
        email=_text(email),
        verdict=verdict.name,
        reason=verdict.reason,
        hint=verdict.hint,
        cause=verdict.cause,
        call=explanation.call,
        request=explanation.request,
        koala_version=explanation.koala_version,
        preview=_preview(values),
        timestamp=_time(message.get("timestamp")),
    )


def summarize_refusal(refused: RefusedUpload) -> Summary:
    """Return the summary of an upload whose messages cannot be read."""
    return Summary(
        type="upload",
        event=refused.path,
        user_id=None,
        anonymous_id=None,
        profile_id=None,
        email=None,
        verdict="upload_refused",
        reason=refused.code,
        hint=f"{refused.message}; {refused.size}",
    )


def titled(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what happened to its message, in words."""
    reason = row["reason"]
    return {**row, "title": reason and remedy(reason, row["hint"], row["cause"])["title"]}


def details(message: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message, what Koala would receive of it, and what to do if that is nothing.

    ``added`` has the names of the fields that the middleware added, or is None where the message
    does not say.
    """
    cause = row["cause"]
    added = None if cause not in CAUSES else _added(message) if cause == "added" else []
    return {
        "message": message,
        "koala_request": judge(message).koala_body,
        "added": added,
        "remedy": row["reason"] and remedy(row["reason"], row["hint"], cause),
    }


def _added(message: Mapping[str, Any]) -> list[str]:
    place = "traits" if message.get("type") == "identify" else "properties"
    profile_id = _object(message, place).get("profile_id")
    if profile_id is None:  # it has another name
        return []
    added = [f"{place}.profile_id"]
    return [*added, "anonymousId"] if message.get("anonymousId") == profile_id else added


def _preview(values: Mapping[str, Any]) -> str | None:
    shown = [
        f"{name[:_SHORT]}: {(value if isinstance(value, str) else compact(value))[:_SHORT]}"
        for name, value in islice(values.items(), 4)
        if name not in ("profile_id", "email")
    ]
    return encodable(", ".join(shown[:2])) or None


def _object(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _time(value: object) -> float | None:
    return unix_time(value) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value) if isinstance(value, (str, int, float)) else f"({type(value).__name__})"
    return encodable(text)
