"""Time the middleware beside its peers, print the tables and write what was measured."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyperf

from benchmarks.imports import measure_imports
from benchmarks.results import Results, merge
from benchmarks.tables import all_tables, text

_ROOT = Path(__file__).parent.parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="one short run, of two minutes or so")
    parser.add_argument("--runs", type=int, default=3, help="default: 3; a process each")
    parser.add_argument("--rounds", type=int, default=1000, help="turns of each row; default: 1000")
    parser.add_argument("--output", type=Path, default=Path("benchmarks.json"), help="of pyperf")
    return parser.parse_args()


def _run(rounds: int) -> Iterator[pyperf.Benchmark]:
    command = [sys.executable, "-m", "benchmarks.worker", str(rounds)]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    yield from pyperf.BenchmarkSuite.loads(done.stdout).get_benchmarks()
    yield from measure_imports(max(3, rounds // 50))


def main() -> None:
    arguments = _arguments()
    runs, rounds = (1, 100) if arguments.fast else (arguments.runs, arguments.rounds)
    suite = merge(_run(rounds) for _ in range(runs))
    suite.dump(str(arguments.output), replace=True)
    for title, table in all_tables(Results(suite)):
        print(f"{title}\n\n{text(table)}\n")


if __name__ == "__main__":
    main()
