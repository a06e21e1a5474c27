"""Deploys under load: each event of a request that was answered must arrive, once.

``python -m tests.storm.deploy`` deploys each server every few seconds, with a collector
that is slow and refuses a third of what it gets, and prints a table. ``--kill`` ends the servers by
a signal that they cannot handle: what is lost then is what they had in memory.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from threading import Event
from uuid import uuid4

from koala_middleware.segment.exits import FLUSH_SECONDS
from tests.storm.client import Outcome
from tests.storm.plan import Request
from tests.storm.processes import running_collector, start
from tests.storm.servers import ASGI, GUNICORN, WSGI
from tests.storm.verdict import judge

CLIENTS = 8
PERIOD = 4.0  # seconds between deploys
STOP_SECONDS = 60


@dataclass(frozen=True)
class Deploy:
    """A server and how it is deployed.

    :param signal: what its old processes get.
    :param reloads: one process goes on, and replaces its workers; else a new one takes over.
    """

    command: str
    signal: signal.Signals = signal.SIGTERM
    reloads: bool = False

    def arguments(self) -> list[str]:
        module, *options = self.command.split()
        if module == "pyuwsgi":
            return [str(Path(sys.executable).with_name(module)), *options]
        return [sys.executable, "-m", module, *options]


_GUNICORN = f"{GUNICORN.replace('--graceful-timeout 5', '--graceful-timeout 20')} {WSGI}"

DEPLOYS = {
    "gunicorn-sync": Deploy(_GUNICORN, signal.SIGHUP, reloads=True),
    "gunicorn-gthread": Deploy(
        f"{_GUNICORN} --worker-class gthread --threads 8", signal.SIGHUP, reloads=True
    ),
    "gunicorn-gevent": Deploy(f"{_GUNICORN} --worker-class gevent", signal.SIGHUP, reloads=True),
    "gunicorn-max-requests": Deploy(f"{_GUNICORN} --max-requests 200 --max-requests-jitter 50"),
    "uvicorn": Deploy(
        f"uvicorn --host 127.0.0.1 --port {{port}} --workers 2 --no-access-log {ASGI}"
    ),
    "granian": Deploy(
        f"granian --interface asgi --host 127.0.0.1 --port {{port}} --workers 2 {ASGI}"
    ),
    "hypercorn": Deploy(f"hypercorn --bind 127.0.0.1:{{port}} --workers 2 {ASGI}"),
    "daphne": Deploy(f"daphne -b 127.0.0.1 -p {{port}} -v 0 {ASGI}"),
    "uwsgi": Deploy(
        "pyuwsgi --http-socket 127.0.0.1:{port} --add-header Connection:close --listen 100"
        f" --master --processes 2 --enable-threads --threads 4 --die-on-term --disable-logging"
        f" --need-app --module {WSGI}",
        signal.SIGHUP,
        reloads=True,
    ),
    # It handles no other signal.
    "waitress": Deploy(f"waitress --listen=127.0.0.1:{{port}} --threads=8 {WSGI}", signal.SIGINT),
}

CELERY = "celery"
SERVERS = [*DEPLOYS, CELERY]


@dataclass
class Row:
    """The results of one server's deploys; ``twice`` counts message ids."""

    server: str
    deploys: int
    expected: int
    received: int
    lost: int
    wrong_visitor: int
    twice: int
    slowest_stop: float


def deploy(
    name: str, seconds: float, flush_seconds: float = FLUSH_SECONDS, *, kill: bool = False
) -> Row:
    """Send requests for some seconds to a server that is deployed again and again."""
    kind = DEPLOYS[name]
    with tempfile.TemporaryDirectory(prefix="deploy") as folder, running_collector("--bad") as url:
        file = Path(folder, "file")
        file.touch()
        environment = {"STORM_COLLECTOR": url, "STORM_FILE": str(file)}
        environment["STORM_FLUSH_SECONDS"] = str(flush_seconds)
        fleet = Fleet(kind, environment, Path(folder), signal.SIGKILL if kill else kind.signal)
        with fleet, _browsers(fleet) as outcomes:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(PERIOD)
                fleet.deploy()
        return row(name, outcomes, url, fleet.deploys, fleet.slowest_stop)


class Fleet:
    """The processes of a server, of which one at a time gets the requests."""

    def __init__(
        self, kind: Deploy, environment: dict[str, str], folder: Path, end_with: signal.Signals
    ) -> None:
        self._kind = kind
        self._environment = environment
        self._folder = folder
        self._end_with = end_with
        self._number = itertools.count()
        self.deploys = 0
        self.slowest_stop = 0.0
        self.url, self._process = self._start()

    def __enter__(self) -> None:
        """Go on with what the constructor has started."""

    def __exit__(self, *exc_info: object) -> None:
        last = signal.SIGTERM if self._kind.reloads else self._end_with
        self._stop(self._process, last)

    def deploy(self) -> None:
        self.deploys += 1
        if self._kind.reloads and self._end_with is not signal.SIGKILL:
            self._process.send_signal(self._kind.signal)
            return
        old = self._process
        self.url, self._process = self._start()
        self._stop(old, self._end_with)

    def _start(self) -> tuple[str, subprocess.Popen[bytes]]:
        folder = self._folder / str(next(self._number))
        folder.mkdir()
        return start(self._kind.arguments(), self._environment, folder)

    def _stop(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        began = time.monotonic()
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)  # it leads a group of its own
        else:
            process.send_signal(number)
        process.wait(STOP_SECONDS)
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - began)


@contextmanager
def _browsers(fleet: Fleet) -> Iterator[list[Outcome]]:
    outcomes: list[Outcome] = []
    ended = Event()

    def browse() -> None:
        while not ended.is_set():
            profile_id = str(uuid4())
            request = Request(str(uuid4()), "bare", "plain", profile_id, None, "")
            outcomes.append(_outcome(fleet.url, request))

    with ThreadPoolExecutor(CLIENTS) as pool:
        browsing = [pool.submit(browse) for _ in range(CLIENTS)]
        try:
            yield outcomes
        finally:
            ended.set()
    for each in browsing:
        each.result()


def _outcome(url: str, request: Request) -> Outcome:
    cookie = {"Cookie": f"ko_id={request.profile_id}"}
    post = urllib.request.Request(url + request.path, b"", cookie)
    try:
        with urllib.request.urlopen(post, timeout=30) as response:
            response.read()
        return Outcome(request, frozenset({"view"}))
    except (
        OSError,
        http.client.HTTPException,
    ):  # of a server that has gone: perhaps it has tracked
        return Outcome(request, frozenset(), frozenset({"view"}))


def row(
    name: str, outcomes: list[Outcome], collector: str, deploys: int, slowest_stop: float
) -> Row:
    """Compare what the collector has with what was owed."""
    with urllib.request.urlopen(f"{collector}/events/0", timeout=60) as response:
        events = json.load(response)
    found = judge(name, outcomes, events).rows["bare"]
    times = Counter(event["messageId"] for event in events)
    twice = sum(count > 1 for count in times.values())
    counts = found.expected, found.received, found.lost, found.wrong_visitor, twice
    return Row(name, deploys, *counts, round(slowest_stop, 1))


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a list-table in reStructuredText."""
    titles = [field.name.replace("_", " ").capitalize() for field in fields(Row)]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for cells in (titles, *map(astuple, rows)):
        for number, cell in enumerate(cells):
            text = f"{cell:,}" if isinstance(cell, int) else str(cell)
            lines.append(f"   {' ' if number else '*'} - {text}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storm.deploy", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--server", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--flush-seconds", type=float, default=FLUSH_SECONDS)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.server:
        if name == CELERY:
            from tests.storm.deploy_tasks import deploy_workers

            done = deploy_workers(arguments.seconds, arguments.flush_seconds)
        else:
            done = deploy(name, arguments.seconds, arguments.flush_seconds, kill=arguments.kill)
        rows.append(done)
        print(done, file=sys.stderr, flush=True)
    print(table(rows))
    return int(any(done.lost or done.wrong_visitor or done.twice for done in rows))


if __name__ == "__main__":
    sys.exit(main())
