"""Print the events that arrive at an inspector."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from rich.console import Console, OverflowMethod
from rich.text import Text

from koala_middleware.inspector.explanation import with_explanation
from koala_middleware.inspector.json_text import ascii_json, printable
from koala_middleware.inspector.verdict import describe

_SECONDS = 0.25  # between two looks
_TIMEOUT = 5.0  # seconds
_MOST = 1000
_WIDE_NAME, _WIDE_WHO, _WIDE_ID = 24, 13, 36  # characters of a column


def run(arguments: Namespace) -> int:
    """Print events until Ctrl-C or, ``once``, those that are there; return the exit code."""
    # In a terminal each event has one line of its width; elsewhere a line is as long as it is.
    fits = sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=not fits)
    try:
        with suppress(KeyboardInterrupt):
            for event in _events(arguments):
                if arguments.json:
                    print(ascii_json(with_explanation(event["message"], event)), flush=True)
                else:
                    overflow: OverflowMethod | None = "ellipsis" if fits else None
                    console.print(_line(event, fits), no_wrap=fits or None, overflow=overflow)
    except (MissingSchema, InvalidSchema, InvalidURL):
        print(
            "koala-middleware tail: --url: expected a URL such as http://127.0.0.1:8765, "
            f"got {arguments.url!r}",
            file=sys.stderr,
        )
        return 2
    except (requests.RequestException, LookupError, TypeError) as fault:
        print(
            f"koala-middleware tail: no inspector answers at {arguments.url} "
            f"({type(fault).__name__}); koala-middleware inspect starts one",
            file=sys.stderr,
        )
        return 2
    return 0


def _events(arguments: Namespace) -> Iterator[dict[str, Any]]:
    url = f"{arguments.url.rstrip('/')}/api/events"
    kind = f"type:{arguments.type}" if arguments.type else ""
    chosen = {
        "verdict": arguments.verdict,
        "profile_id": arguments.profile_id,
        "q": f"{kind} {arguments.text or ''}".strip(),
    }
    with requests.Session() as session:
        session.trust_env = False  # a proxy would look for the inspector on its own machine

        def ask(**query: int) -> list[dict[str, Any]]:
            answer = session.get(url, params={**chosen, **query}, timeout=_TIMEOUT)
            answer.raise_for_status()
            return list(answer.json()["events"])

        newest_first = ask(limit=max(arguments.lines, 1))
        seen = newest_first[0]["id"] if newest_first else 0
        yield from reversed(newest_first[: arguments.lines])
        while not arguments.once:
            for event in ask(limit=_MOST, after=seen):
                seen = event["id"]
                yield event
            time.sleep(_SECONDS)


def _line(event: dict[str, Any], fits: bool) -> Text:
    at = datetime.fromtimestamp(event["received_at"]).strftime("%H:%M:%S")
    name = printable(str(event["event"] or f"({event['type'] or 'no type'})"))
    is_event = event["verdict"] != "upload_refused"
    who = event["profile_id"] or event["email"] or ("no profile id" if is_event else "")
    who = printable(str(who))
    if fits:
        name, who = _cut(name, _WIDE_NAME), _cut(who, _WIDE_WHO)
    why = event["reason"]
    if event["cause"] and event["verdict"] == "dropped":
        why = f"{why}, {event['cause']}{' at ' * bool(event['call'])}{event['call'] or ''}"
    verdict = describe(event["verdict"], why, event["hint"])
    colour = {"accepted": "green", "ignored": "dim"}.get(event["verdict"], "bold yellow")
    wide = _WIDE_WHO if fits else _WIDE_ID
    return Text.assemble(
        (at, "dim"),
        f" {name:<{_WIDE_NAME}} {who:<{wide}} ",
        (printable(verdict), colour),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
