"""Jobs of many visitors through real queues and workers, some of which are stopped or killed.

``python -m tests.servers.storms.queue_storm 2000`` prints the table of the documentation.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.collector import Collector, collecting
from tests.redis_server import running_redis
from tests.servers.storms.queue_sites import PYTHON, SHOP, SITES, UNANSWERED, WEB, Site

ENDS = {"stopped": signal.SIGTERM, "killed": signal.SIGKILL}
_PATIENCE = 20  # seconds without an event, or until a worker has stopped


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs that were sent.

    :param sent: jobs, each of which tracks one event.
    :param run: jobs whose event arrived.
    :param wrong: events that had another visitor than the sender of their job.
    :param lost: jobs whose event did not arrive.
    :param twice: events that arrived once more.
    """

    sent: int
    run: int
    wrong: int
    lost: int
    twice: int


def storm(name: str, count: int, end: str, redis_url: str, folder: Path) -> Outcome:
    """Send jobs in requests, and end the workers halfway; others do the rest."""
    site = SITES[name]
    (folder / "shop.py").write_text(SHOP + site.code)
    (folder / "web.py").write_text(WEB)
    with collecting() as collector:
        environ = {
            **os.environ,
            "SHOP_REDIS": redis_url,
            "SHOP_SEGMENT": collector.url,
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
            # Only what was uploaded before a job ended can survive the death of its process.
            **({"SHOP_DELIVERS": "1"} if end == "killed" else {}),
        }
        if name == "django_tasks":
            migrate = "import shop; shop.call_command('migrate', verbosity=0)"
            subprocess.run([*PYTHON, "-c", migrate], cwd=folder, env=environ, check=True)

        def send(*numbers: int) -> subprocess.Popen[bytes]:
            web = [*PYTHON, "web.py", *map(str, numbers)]
            return subprocess.Popen(web, cwd=folder, env=environ, stdout=subprocess.PIPE)

        half = count // 2
        with _workers(site, folder, environ, ENDS[end]):
            first = send(half)
            collector.wait_for(half // 2, _PATIENCE)
        with _workers(site, folder, environ, signal.SIGTERM):
            sent = json.loads(first.communicate(timeout=120)[0])
            time.sleep(UNANSWERED)
            sent += json.loads(send(half, count).communicate(timeout=120)[0])
            _wait_for_all(collector, {event for event, _ in sent})
        return _outcome(dict(sent), collector.events)


@contextmanager
def _workers(
    site: Site, folder: Path, environ: dict[str, str], end: signal.Signals
) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(site.workers):
            worker = subprocess.Popen(
                [*PYTHON, *site.worker],
                cwd=folder,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=stack.enter_context((folder / "workers.log").open("ab")),
                start_new_session=True,
            )
            stack.callback(_end, worker, end)
        yield


def _end(worker: subprocess.Popen[bytes], end: signal.Signals) -> None:
    """Stop a worker, which stops its processes, or kill all of them."""
    send: Callable[..., None] = os.killpg if end is signal.SIGKILL else os.kill
    send(worker.pid, end)
    try:
        with suppress(subprocess.TimeoutExpired):
            worker.wait(_PATIENCE)
            return
        # Taskiq's read of Redis may lose its cancellation: a worker that has nothing to do then
        # waits on. It exits at the fifth signal.
        for _ in range(5):
            os.killpg(worker.pid, end)
            time.sleep(1)
        worker.wait(_PATIENCE)
    finally:
        # In case it has left anything.
        subprocess.run(["pkill", "-KILL", "-s", str(worker.pid)], check=False)


def _wait_for_all(collector: Collector, events: set[str]) -> None:
    seen, last = 0, time.monotonic()
    while time.monotonic() - last < _PATIENCE:
        arrived = {event["event"] for event in collector.wait_for(0)}
        if arrived >= events:
            return
        if len(arrived) > seen:
            seen, last = len(arrived), time.monotonic()
        time.sleep(0.1)


def _outcome(expected: dict[str, str | None], events: list[dict[str, Any]]) -> Outcome:
    counts = Counter(event["event"] for event in events)
    return Outcome(
        sent=len(expected),
        run=len(expected.keys() & counts.keys()),
        wrong=sum(e["properties"].get("profile_id") != expected[e["event"]] for e in events),
        lost=len(expected.keys() - counts.keys()),
        twice=len(events) - len(counts),
    )


def main() -> None:
    columns = [field.name.capitalize() for field in fields(Outcome)]
    rows = [["Queue", "Workers", *columns]]
    with TemporaryDirectory() as folder, running_redis(Path(folder)) as redis_url:
        for name in sys.argv[2:] or SITES:
            for number, end in enumerate(ENDS):
                place = Path(folder, name, end)
                place.mkdir(parents=True)
                redis = f"{redis_url}/{2 * list(SITES).index(name) + number}"
                outcome = storm(name, int(sys.argv[1]), end, redis, place)
                rows.append([name, end, *map(str, vars(outcome).values())])
                print(*rows[-1], file=sys.stderr)
                print((place / "workers.log").read_text(), file=sys.stderr)
    print(".. list-table::\n   :header-rows: 1\n")
    for row in rows:
        print("   * -", "\n     - ".join(row))


if __name__ == "__main__":
    main()
