"""Time what the middleware adds to a request and to a call, beside the floor and its peers.

Prints a table, and writes pyperf's JSON, which ``python -m pyperf compare_to`` can compare with
that of another revision.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pyperf

from benchmarks import asgi, django, track, wsgi
from benchmarks.measure import measure
from benchmarks.results import table, text


def _worker(rounds: int) -> None:
    """Time all rows in this process, and write them to standard output as JSON."""
    from benchmarks import peers

    rows = [*wsgi.rows(peers.WSGI), *asgi.rows(peers.ASGI), *django.rows(peers.DJANGO)]
    benchmarks = measure([*rows, *track.rows()], rounds)
    pyperf.BenchmarkSuite(list(benchmarks)).dump(sys.stdout)


def _run(rounds: int) -> pyperf.BenchmarkSuite:
    command = [sys.executable, "-m", "benchmarks", "--worker", "--rounds", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return pyperf.BenchmarkSuite.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="processes; default: 3")
    parser.add_argument("--rounds", type=int, default=1000, help="turns of each row; default: 1000")
    parser.add_argument("--output", type=Path, default=Path("benchmarks.json"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        _worker(arguments.rounds)
        return
    suite = _run(arguments.rounds)
    for _ in range(arguments.runs - 1):
        suite.add_runs(_run(arguments.rounds))
    suite.dump(str(arguments.output), replace=True)
    print(text(table(suite)))


if __name__ == "__main__":
    main()
