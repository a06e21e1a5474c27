"""``python -m tests.others``: run other projects' suites with ours, exit with 1 on a difference."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.others import venvs
from tests.others.running import Outcome, run
from tests.others.suite import MODES, Extent, Suite
from tests.others.suites import SUITES
from tests.others.table import Row, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.others", description=__doc__)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quick", action="store_const", const="quick", dest="extent")
    group.add_argument("--all", action="store_const", const="all", dest="extent")
    parser.add_argument("--suite", nargs="+", choices=[suite.name for suite in SUITES])
    parser.add_argument("--mode", nargs="+", choices=MODES[1:], help="beside bare")
    # Many of the tests mostly wait.
    jobs = 2 * (os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help="suites at a time (%(default)s)")
    parser.add_argument("--cache", type=Path, default=venvs.ROOT / ".tox" / "others-cache")
    parser.add_argument("--rst", type=Path, help="a file for the table")
    parser.set_defaults(extent="usual")
    arguments = parser.parse_args()

    extent: Extent = arguments.extent
    chosen = [
        suite
        for suite in SUITES
        if suite.choice(extent) and suite.name in (arguments.suite or [suite.name])
    ]
    wheel = venvs.built_wheel(arguments.cache)

    def start(suite: Suite) -> Row:
        modes = ["bare", *arguments.mode] if arguments.mode else suite.choice_of_modes(extent)
        source, python = venvs.prepare(suite, arguments.cache, wheel)
        tests = suite.choice(extent)
        # One after another: they use the same folder, and some the same port.
        row = Row(suite, {mode: _run(suite, mode, tests, source, python) for mode in modes})
        for mode in modes:
            if row.unexplained(mode):
                # Some need a fast machine, or luck, and fail now and then without ours, too.
                again = _run(suite, mode, tests, source, python)
                row.outcomes[mode] = row.outcomes[mode].confirmed_by(again)
        return row

    chosen.sort(key=lambda suite: -suite.seconds * len(suite.choice_of_modes(extent)))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(start, chosen))

    problems = [problem for row in rows for problem in row.problems()]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(table(rows))
    if arguments.rst:
        arguments.rst.write_text(table(rows))
    return 1 if problems else 0


def _run(suite: Suite, mode: str, tests: tuple[str, ...], source: Path, python: Path) -> Outcome:
    outcome = run(suite, mode, tests, source, python)
    print(
        f"{suite.name} ({mode}): {len(outcome.ran)} tests, {len(outcome.failed)} failed, "
        f"{outcome.seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return outcome


if __name__ == "__main__":
    sys.exit(main())
