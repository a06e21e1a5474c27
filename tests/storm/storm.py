"""One server's storm, from its start to the verdict."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.storm.client import Client, Outcome
from tests.storm.plan import plan
from tests.storm.processes import log_end, running_collector, running_server
from tests.storm.servers import SERVERS
from tests.storm.verdict import Verdict, judge, master

FILE_SIZE = 300_000
SILENCE_SECONDS = 15  # an upload that fails is tried again sooner
MOST_WAIT_SECONDS = 120
UPLOAD_SECONDS = 1.5  # the SDK waits half a second for more


@dataclass(frozen=True)
class Storm:
    """What a storm was like.

    :param connections: that the client needed for all its requests.
    :param resent: requests to connections that the server was closing.
    """

    server: str
    seconds: float
    connections: int
    resent: int
    verdict: Verdict
    log: str

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s, {self.connections} connections, {self.resent} resent,"
            f" {self.faults} faults"
        )

    @property
    def faults(self) -> int:
        return sum(row.faults for row in self.verdict.rows.values())


def storm(name: str, count: int, *, all_options: bool = False) -> Storm:
    """Play ``count`` requests to the server ``name``, with every option on or with none.

    Raises StartError if it does not start, TimeoutError if it does not answer.
    """
    server = SERVERS[name]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm") as folder:
        file = Path(folder, "file")
        file.write_bytes(os.urandom(FILE_SIZE))
        with (
            running_collector() as collector,
            running_server(server, collector, file, Path(folder), all_options) as url,
        ):
            client = Client(url, server.interface, file.read_bytes())
            asyncio.run(client.play(plan(server, count, name), count))
            outcomes = client.outcomes + ([master()] if server.forks_late else [])
            events = _events(collector, outcomes)
        verdict = judge(name, outcomes, events, all_options)
        seconds = time.monotonic() - start
        log = log_end(Path(folder))
        return Storm(name, seconds, client.connections, client.resent, verdict, log)


def _events(collector: str, outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return what the collector has as soon as that is all, or nothing more comes."""
    owed = {(outcome.request.ref, part) for outcome in outcomes for part in outcome.owed}
    events: list[dict[str, Any]] = []
    end = time.monotonic() + MOST_WAIT_SECONDS
    last = time.monotonic()
    while owed and time.monotonic() < min(end, last + SILENCE_SECONDS):
        time.sleep(0.2)
        new = _get(collector, len(events))
        if new:
            last = time.monotonic()
        events += new
        owed.difference_update((event["properties"].get("ref"), event["event"]) for event in new)
    time.sleep(UPLOAD_SECONDS)  # for what comes twice, or of clients that have hung up
    return events + _get(collector, len(events))


def _get(collector: str, first: int) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{collector}/events/{first}", timeout=60) as response:
        events: list[dict[str, Any]] = json.load(response)
        return events
