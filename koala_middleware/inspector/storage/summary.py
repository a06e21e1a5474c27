"""What the inspector shows of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from koala_middleware.inspector.json_text import encodable
from koala_middleware.inspector.refusals import RefusedUpload
from koala_middleware.inspector.verdict import judge

_CONTEXT_ADDED = ("ip", "userAgent", "page")  # by the option context


class Summary(NamedTuple):
    """A row of the list: texts, or None."""

    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    profile_id: str | None
    email: str | None
    verdict: str  # one of VERDICTS
    reason: str | None
    hint: str | None


def summarize(message: Mapping[str, Any]) -> Summary:
    """Return the summary of a message, which may be whatever somebody sent."""
    kind = message.get("type")
    values = _object(message, "traits" if kind == "identify" else "properties")
    verdict = judge(message)
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


def details(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message, and what Koala would receive of it.

    ``added`` names the fields that the middleware adds; code that sets them by hand looks the
    same.
    """
    return {
        "message": message,
        "koala_request": judge(message).koala_body,
        "added": _added(message),
    }


def _added(message: Mapping[str, Any]) -> list[str]:
    place = "traits" if message.get("type") == "identify" else "properties"
    values, context = _object(message, place), _object(message, "context")
    added = [f"{place}.{name}" for name in ("profile_id", "email") if name in values]
    if message.get("anonymousId") and message["anonymousId"] == values.get("profile_id"):
        added.append("anonymousId")
    return added + [f"context.{name}" for name in _CONTEXT_ADDED if name in context]


def _object(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value) if isinstance(value, (str, int, float)) else f"({type(value).__name__})"
    return encodable(text)
