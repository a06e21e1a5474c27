"""Load servers with wrk, with and without the middleware: ``python -m benchmarks.load``.

The page is trivial, the load generator shares the machine with the server: a real site does more,
so that less of its time is ours.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.inputs import COOKIES
from benchmarks.results import MEASURED, list_table

_ROOT = Path(__file__).parent.parent
_GUNICORN = ("gunicorn", "--bind=127.0.0.1:{port}")
SITES = {
    "uvicorn, Starlette": (
        "uvicorn",
        "--factory",
        "--port={port}",
        "--no-access-log",
        "--log-level=warning",
        "benchmarks.sites:starlette_site",
    ),
    "gunicorn, Flask": (*_GUNICORN, "--log-level=warning", "benchmarks.sites:flask_site()"),
    "gunicorn, Django": (*_GUNICORN, "--log-level=warning", "benchmarks.sites:django_site()"),
}
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@contextmanager
def _server(command: tuple[str, ...], with_koala: bool) -> Iterator[int]:
    """Yield the port of a server that runs in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "WITH_KOALA": "yes" if with_koala else ""}
    module, *options = (part.format(port=port) for part in command)
    process = subprocess.Popen([sys.executable, "-m", module, *options], cwd=_ROOT, env=environment)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not start")


def _load(port: int, seconds: int) -> tuple[float, float]:
    """Return the requests a second, and the seconds that 99 % of them took at the most."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency"]
    command += ["-H", f"Cookie: {COOKIES['small']}", f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", done)
    if failed:
        raise RuntimeError(failed.group())
    rate = re.search(r"Requests/sec: +([\d.]+)", done)
    slowest = re.search(r"99% +([\d.]+)(us|ms|s)\b", done)
    assert rate, done
    assert slowest, done
    return float(rate[1]), float(slowest[1]) * _UNITS[slowest[2]]


def load(site: str, pairs: int, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield pairs of loads, one without and one with the middleware, in either order."""
    with ExitStack() as stack:
        ports = [
            stack.enter_context(_server(SITES[site], with_koala)) for with_koala in (False, True)
        ]
        for port in ports:
            _load(port, 1)
        for number in range(pairs):
            order = (0, 1) if number % 2 else (1, 0)
            pair = {which: _load(ports[which], seconds) for which in order}
            yield {"without": pair[0], "with": pair[1]}


def summary(site: str, pairs: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return a line of the table: the median of the pairs' ratios, and the least and the most."""
    line = [site, f"{median(pair['without'][0] for pair in pairs):,.0f}"]
    for number in (0, 1):
        ratios = sorted(pair["with"][number] / pair["without"][number] for pair in pairs)
        line.append(f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    return tuple(line)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="of each server; default: 11")
    parser.add_argument("--seconds", type=int, default=3, help="of each load; default: 3")
    parser.add_argument("--document", action="store_true", help="write the table of the docs")
    arguments = parser.parse_args()
    lines = []
    for site in SITES:
        lines.append(summary(site, list(load(site, arguments.pairs, arguments.seconds))))
        print("  ".join(lines[-1]), flush=True)
    if arguments.document:
        caption = f"The medians of {arguments.pairs} pairs, with the lowest and the highest:\n\n"
        heading = ("Server", "Requests/s without", "Requests/s, with to without")
        table = list_table([(*heading, "p99, with to without"), *lines])
        (MEASURED / "load.rst").write_text(caption + table)


if __name__ == "__main__":
    main()
