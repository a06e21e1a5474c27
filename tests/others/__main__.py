"""``python -m tests.others``: run other projects' suites with ours, exit with 1 on a difference."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.others import venvs
from tests.others.running import Outcome, run
from tests.others.suites import MODES, SUITES, Extent, Suite
from tests.others.table import Row, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.others", description=__doc__)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_const", const="quick", dest="extent")
    extent.add_argument("--all", action="store_const", const="all", dest="extent")
    parser.add_argument("--suite", nargs="+", choices=[suite.name for suite in SUITES])
    parser.add_argument("--mode", nargs="+", choices=MODES[1:], help="beside bare")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time (%(default)s)")
    parser.add_argument("--cache", type=Path, default=venvs.ROOT / ".tox" / "others-cache")
    parser.add_argument("--rst", type=Path, help="a file for the table")
    parser.set_defaults(extent="usual")
    arguments = parser.parse_args()

    wheel = venvs.built_wheel(arguments.cache)
    chosen = [
        suite
        for suite in SUITES
        if suite.choice(arguments.extent) and suite.name in (arguments.suite or [suite.name])
    ]
    with ThreadPoolExecutor(arguments.jobs) as pool:

        def start(suite: Suite) -> Row:
            return _row(suite, arguments.extent, arguments.mode, arguments.cache, wheel, pool)

        with ThreadPoolExecutor(len(chosen)) as suites:
            rows = list(suites.map(start, chosen))

    problems = [problem for row in rows for problem in row.problems()]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(table(rows))
    if arguments.rst:
        arguments.rst.write_text(table(rows))
    return 1 if problems else 0


def _row(
    suite: Suite,
    extent: Extent,
    modes: list[str] | None,
    cache: Path,
    wheel: Path,
    pool: ThreadPoolExecutor,
) -> Row:
    source = venvs.source(suite, cache)
    python = venvs.python(suite, cache, wheel)
    wanted = ["bare", *modes] if modes else suite.choice_of_modes(extent)

    def start(mode: str) -> Outcome:
        outcome = run(suite, mode, suite.choice(extent), source, python)
        print(
            f"{suite.name} ({mode}): {len(outcome.ran)} tests, {len(outcome.failed)} failed, "
            f"{outcome.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        return outcome

    return Row(suite, dict(zip(wanted, pool.map(start, wanted), strict=True)))


if __name__ == "__main__":
    sys.exit(main())
