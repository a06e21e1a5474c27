"""Tell what Koala would do with the events of a file."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable

from koala_middleware.inspector.destination import Dropped, koala_request
from koala_middleware.inspector.json_text import parse_object, printable


def run(arguments: Namespace) -> int:
    """Print what Koala would drop, and a sum; return 1 if that is anything."""
    if arguments.file == "-":
        return _check(sys.stdin.buffer)
    try:
        with open(arguments.file, "rb") as lines:
            return _check(lines)
    except OSError as fault:
        print(f"koala-middleware check: {fault}", file=sys.stderr)
        return 2


def _check(lines: Iterable[bytes]) -> int:
    accepted = dropped = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fault = _fault(line)
        if fault is None:
            accepted += 1
        else:
            dropped += 1
            print(printable(f"line {number}: {fault}"))
    print(f"{accepted + dropped} events: {accepted} accepted, {dropped} dropped")
    return 1 if dropped else 0


def _fault(line: bytes) -> str | None:
    try:
        event = parse_object(line)
    except ValueError as fault:
        return f"no event: {fault}"
    verdict = koala_request(event)
    if not isinstance(verdict, Dropped):
        return None
    name = event.get("event") or event.get("type") or "(no name)"
    return f"{name}: dropped: {verdict.reason} (hint: {verdict.hint})"
