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
from rich.console import Console
from rich.text import Text

from koala_middleware.inspector.json_text import ascii_json, printable
from koala_middleware.inspector.verdict import describe

_SECONDS = 0.25  # between two looks
_TIMEOUT = 5.0  # seconds
_MOST = 1000


def run(arguments: Namespace) -> int:
    """Print events until Ctrl-C or, ``once``, those that are there; return the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        with suppress(KeyboardInterrupt):
            for event in _events(arguments):
                if arguments.json:
                    print(ascii_json(event["message"]), flush=True)
                else:
                    console.print(_line(event))
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
    chosen = {"verdict": arguments.verdict, "profile_id": arguments.profile_id}
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


def _line(event: dict[str, Any]) -> Text:
    at = datetime.fromtimestamp(event["received_at"]).strftime("%H:%M:%S")
    name = event["event"] or f"({event['type'] or 'no type'})"
    is_event = event["verdict"] != "upload_refused"
    who = event["profile_id"] or event["email"] or ("no profile id" if is_event else "")
    verdict = describe(event["verdict"], event["reason"], event["hint"])
    return Text.assemble(
        (at, "dim"),
        f" {printable(str(name)):<24} {printable(str(who)):<36} ",
        (printable(verdict), "green" if event["verdict"] == "accepted" else "bold yellow"),
    )
