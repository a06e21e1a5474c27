"""The verdict on a message: whether Segment takes it and, if so, whether Koala receives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from koala_middleware.inspector.causes import Advice, cause_of, link_of
from koala_middleware.inspector.destination import NEVER_TAKEN, NO_IDENTIFIER, Dropped, decide
from koala_middleware.inspector.messages import segment_problems

# Each verdict's name, and how it reads. Uploads are refused as a whole: see RefusedUpload.
VERDICTS = {
    "accepted": "reaches Koala",
    "dropped": "Koala drops it",
    "ignored": "Koala never takes it",
    "refused": "Segment refuses it",
    "upload_refused": "upload refused",
}

FINE = ("accepted", "ignored")  # nothing is wrong with these
_COUNTED = {
    "accepted": "reach Koala",
    "dropped": "dropped",
    "ignored": "never taken",
    "refused": "refused by Segment",
    "upload_refused": "uploads refused",
}


class Verdict(NamedTuple):
    """One of ``VERDICTS``; unless it is ``accepted``, the reason and what fixes it."""

    name: str
    reason: str | None = None
    hint: str | None = None
    koala_body: dict[str, Any] | None = None
    cause: str | None = None  # why it has no visitor: of causes.CAUSES, or "unknown"


def judge(message: Mapping[str, Any], cause: str | None = None) -> Verdict:
    """Return the verdict on a message, which may contain anything.

    ``cause`` is why it has no visitor, as far as it says.
    """
    if problems := segment_problems(message):
        reasons, hints = zip(*problems, strict=True)
        return Verdict("refused", "; ".join(reasons), "; ".join(hints), cause=cause)
    outcome = decide(message, cause)
    if isinstance(outcome, Dropped):
        name = "ignored" if outcome.reason in NEVER_TAKEN else "dropped"
        if outcome.reason == NO_IDENTIFIER and message["type"] == "track":
            cause = cause or "unknown"
        return Verdict(name, outcome.reason, outcome.hint, cause=cause)
    return Verdict("accepted", koala_body=outcome.body, cause=cause)


def remedy(reason: str | None, hint: str | None, cause: str | None) -> dict[str, str | None]:
    """Return what happened to a message that does not reach Koala, and what to do about it."""
    if reason == NO_IDENTIFIER and cause is not None:
        return {**cause_of(cause)._asdict(), "link": link_of(cause)}
    return {**Advice(reason or "", hint or "", "")._asdict(), "link": None}


def summary(counts: Mapping[str, int]) -> str:
    """Return in words how many events have each verdict."""
    total = sum(counts.values())
    shown = [name for name in VERDICTS if counts[name] or name in ("accepted", "dropped")]
    told = ", ".join(f"{counts[name]:,} {_COUNTED[name]}" for name in shown)
    return f"{total:,} event{'s' * (total != 1)}: {told}"


def describe(name: str, reason: str | None, hint: str | None) -> str:
    """Return a verdict as a line for a terminal."""
    return VERDICTS[name] if reason is None else f"{VERDICTS[name]}: {reason} (hint: {hint})"
