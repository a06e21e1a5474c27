"""The verdict on a message: whether Segment takes it and, if so, whether Koala receives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from koala_middleware.inspector.destination import Dropped, koala_request
from koala_middleware.inspector.messages import segment_problems

# Each verdict's name, and how it reads. Uploads are refused as a whole: see RefusedUpload.
VERDICTS = {
    "accepted": "accepted",
    "dropped": "dropped",
    "refused": "Segment refuses it",
    "upload_refused": "upload refused",
}


class Verdict(NamedTuple):
    """One of ``VERDICTS``; unless it is ``accepted``, the reason and what fixes it."""

    name: str
    reason: str | None = None
    hint: str | None = None
    koala_body: dict[str, Any] | None = None

    def __str__(self) -> str:
        return describe(self.name, self.reason, self.hint)


def judge(message: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a message, which may be whatever somebody sent."""
    if problems := segment_problems(message):
        reasons, hints = zip(*problems, strict=True)
        return Verdict("refused", "; ".join(reasons), "; ".join(hints))
    outcome = koala_request(message)
    if isinstance(outcome, Dropped):
        return Verdict("dropped", outcome.reason, outcome.hint)
    return Verdict("accepted", koala_body=outcome.body)


def describe(name: str, reason: str | None, hint: str | None) -> str:
    """Return a verdict as a line for a terminal."""
    return VERDICTS[name] if reason is None else f"{VERDICTS[name]}: {reason} (hint: {hint})"
