"""Print the events in a file that would not reach Koala, by cause."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from typing import Any

from koala_middleware.inspector.explanation import Explanation, without_explanation
from koala_middleware.inspector.json_text import compact, parse_object, printable
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.verdict import FINE, VERDICTS, Verdict, judge, remedy, summary

_MOST_EXAMPLES = 3


def run(arguments: Namespace) -> int:
    """Print what would not reach Koala, and a summary; return 1 if there is anything."""
    if arguments.file == "-":
        counts, issues = _read(sys.stdin.buffer)
    else:
        try:
            with open(arguments.file, "rb") as lines:
                counts, issues = _read(lines)
        except OSError as fault:
            print(f"koala-middleware check: {fault}", file=sys.stderr)
            return 2
    if arguments.json:
        print(json.dumps({"total": sum(counts.values()), **counts, "issues": issues}))
    else:
        for issue in issues:
            _print(issue)
        print(summary(counts))
    if not counts.total():
        if not arguments.allow_empty:
            print(
                "koala-middleware check: there is no event; --allow-empty allows that",
                file=sys.stderr,
            )
        return 0 if arguments.allow_empty else 1
    return 1 if issues else 0


def _read(lines: Iterable[bytes]) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Return how many events have each verdict, and the issues, the most frequent first."""
    counts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
    issues: dict[tuple[object, ...], dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, verdict, explanation = _judge(line)
        counts[verdict.name] += 1
        if verdict.name in FINE:
            continue
        cause = verdict.cause
        told = remedy(verdict.reason, verdict.hint, cause)
        key = (verdict.name, told["title"], told["remedy"])
        issue: dict[str, Any] = {"verdict": verdict.name, "cause": cause, "count": 0}
        issue.update(examples=[], **told)
        issue = issues.setdefault(key, issue)
        issue["count"] += 1
        if issue["count"] <= _MOST_EXAMPLES:
            issue["examples"].append({"line": number, "event": name, "call": explanation.call})
    return counts, sorted(issues.values(), key=lambda issue: -issue["count"])


def _print(issue: dict[str, Any]) -> None:
    cause = f" ({issue['cause']})" if issue["cause"] else ""
    print(printable(f"{issue['count']} × {VERDICTS[issue['verdict']]}: {issue['title']}{cause}"))
    for example in issue["examples"]:
        call = f" at {example['call']}" if example["call"] else ""
        print(printable(f"    line {example['line']}: {example['event']}{call}"))
    if issue["count"] > len(issue["examples"]):
        print(f"    and {issue['count'] - len(issue['examples'])} more")
    print(printable(f"  {issue['remedy']}"))
    for line in issue["snippet"].splitlines():
        print(f"      {line}")
    if issue["link"]:
        print(f"  {issue['link']}")
    print()


def _judge(line: bytes) -> tuple[str, Verdict, Explanation]:
    nothing = Explanation()
    try:
        event = parse_object(line)
    except ValueError as fault:
        return "(no event)", Verdict("upload_refused", "malformed", str(fault)), nothing
    refused = event.get("refused_upload")
    if isinstance(refused, dict):  # a row of the export
        code, hint = (str(refused.get(name)) for name in ("code", "message"))
        return "(upload)", Verdict("upload_refused", code, hint), nothing
    name = str(event.get("event") or event.get("type") or "(no name)")
    message, explanation = without_explanation(event)
    if len(compact(message).encode()) > MOST_EVENT_BYTES:
        hint = f"an event may have {MOST_EVENT_BYTES} bytes"
        return name, Verdict("upload_refused", "too_large", hint), explanation
    return name, judge(message, explanation.cause), explanation
