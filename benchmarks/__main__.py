"""Time what the middleware adds to a request and to a call, beside the floor and its peers.

Prints a table, and writes pyperf's JSON, which ``python -m pyperf compare_to`` can compare with
that of another revision.
"""

from __future__ import annotations

import argparse
from multiprocessing import get_context
from pathlib import Path

import pyperf

from benchmarks.measure import measure
from benchmarks.results import table, text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="the start of the names of groups: Django")
    parser.add_argument("--runs", type=int, default=3, help="processes; default: 3")
    parser.add_argument("--rounds", type=int, default=1000, help="turns of each row; default: 1000")
    parser.add_argument("--output", type=Path, default=Path("benchmarks.json"))
    arguments = parser.parse_args()
    # Processes of their own, as it makes a difference where in memory things are.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        runs = pool.starmap(measure, [(arguments.only, arguments.rounds)] * arguments.runs, 1)
    suite = pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark([pyperf.Run([run[name]], metadata={"name": name}) for run in runs])
            for name in runs[0]
        ]
    )
    suite.dump(str(arguments.output), replace=True)
    print(text(table(suite)), end="")


if __name__ == "__main__":
    main()
