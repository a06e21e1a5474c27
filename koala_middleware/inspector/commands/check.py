"""Print what Segment and Koala would not take of the events in a file."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable

from koala_middleware.inspector.explanation import without_explanation
from koala_middleware.inspector.json_text import compact, parse_object, printable
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.verdict import VERDICTS, Verdict, judge


def run(arguments: Namespace) -> int:
    """Print what would not reach Koala, and a sum; return 1 if that is anything."""
    if arguments.file == "-":
        return _check(sys.stdin.buffer)
    try:
        with open(arguments.file, "rb") as lines:
            return _check(lines)
    except OSError as fault:
        print(f"koala-middleware check: {fault}", file=sys.stderr)
        return 2


def _check(lines: Iterable[bytes]) -> int:
    counts = Counter(accepted=0, dropped=0)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, verdict = _judge(line)
        counts[verdict.name] += 1
        if verdict.name != "accepted":
            print(printable(f"line {number}: {name}: {verdict}"))
    total = sum(counts.values())
    print(f"{total} events: " + ", ".join(f"{counts[name]} {VERDICTS[name]}" for name in counts))
    return 0 if counts["accepted"] == total else 1


def _judge(line: bytes) -> tuple[str, Verdict]:
    try:
        event = parse_object(line)
    except ValueError as fault:
        return "(no event)", Verdict("upload_refused", "malformed", str(fault))
    refused = event.get("refused_upload")
    if isinstance(refused, dict):  # a row of the export
        code, message = (str(refused.get(name)) for name in ("code", "message"))
        return "(upload)", Verdict("upload_refused", code, message)
    name = str(event.get("event") or event.get("type") or "(no name)")
    message, explanation = without_explanation(event)
    if len(compact(message).encode()) > MOST_EVENT_BYTES:
        hint = f"an event may have {MOST_EVENT_BYTES} bytes"
        return name, Verdict("upload_refused", "too_large", hint)
    return name, judge(message, explanation.cause)
