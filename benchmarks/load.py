"""Load servers with wrk, with and without the middleware: ``python -m benchmarks.load``.

The page is trivial, the load generator shares the machine with the server: a real site does more,
so that less of its time is ours.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from contextlib import ExitStack
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.inputs import COOKIES
from benchmarks.results import text
from tests.storm.processes import running

_UVICORN = "uvicorn --factory --port {port} --no-access-log --log-level warning benchmarks.sites:"
_GUNICORN = "gunicorn --bind 127.0.0.1:{port} --log-level warning benchmarks.sites:"
SITES = {
    "uvicorn, Starlette": f"{_UVICORN}starlette_site",
    "gunicorn, Flask": f"{_GUNICORN}flask_site()",
    "gunicorn, Django": f"{_GUNICORN}django_site()",
}
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def _load(url: str, seconds: int) -> tuple[float, float]:
    """Return the requests a second, and the seconds that 99 % of them took at the most."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency"]
    command += ["-H", f"Cookie: {COOKIES['small']}", f"{url}/"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"99% +([\d.]+)(us|ms|s)\n.*Requests/sec: +([\d.]+)", done, re.DOTALL)
    if found is None or "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(done)
    return float(found[3]), float(found[1]) * _UNITS[found[2]]


def load(site: str, pairs: int, seconds: int) -> tuple[str, ...]:
    """Return a line of the table: the median of the pairs' ratios, and the least and the most.

    A pair is a load without and one with the middleware, in either order.
    """
    without: list[tuple[float, float]] = []
    with_koala: list[tuple[float, float]] = []
    with ExitStack() as stack:
        turns = []
        for loads, value in ((without, ""), (with_koala, "yes")):
            command = [sys.executable, "-m", *SITES[site].split()]
            folder = Path(stack.enter_context(TemporaryDirectory()))
            url = stack.enter_context(running(command, {"WITH_KOALA": value}, folder))
            _load(url, 1)
            turns.append((url, loads))
        for _ in range(pairs):
            turns.reverse()
            for url, loads in turns:
                loads.append(_load(url, seconds))
    line = [site, f"{median(rate for rate, _ in without):,.0f}"]
    for bare, ours in zip(zip(*without, strict=True), zip(*with_koala, strict=True), strict=True):
        ratios = sorted(map(truediv, ours, bare))
        line.append(f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    return tuple(line)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="of each server; default: 11")
    parser.add_argument("--seconds", type=int, default=3, help="of each load; default: 3")
    arguments = parser.parse_args()
    heading = (
        "Server",
        "Requests/s without",
        "Requests/s, with to without",
        "p99, with to without",
    )
    lines = [load(site, arguments.pairs, arguments.seconds) for site in SITES]
    print(f"The medians of {arguments.pairs} pairs, with the lowest and the highest:\n")
    print(text([heading, *lines]), end="")


if __name__ == "__main__":
    main()
