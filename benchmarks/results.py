"""What the runs have measured: what each row adds to its bare application, and ratios of that."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

import pyperf


class Results:
    """Read a suite of pyperf's, whose benchmarks are named ``group | case | row``.

    A ratio is the median of the runs' ratios, each of rows that were timed side by side.
    """

    def __init__(self, suite: pyperf.BenchmarkSuite) -> None:
        self.suite = suite
        self._rows: dict[tuple[str, str, str], tuple[list[float], str]] = {}
        for benchmark in suite.get_benchmarks():
            group, case, name = benchmark.get_name().split(" | ")
            shortest = [min(run.values) for run in benchmark.get_runs()]
            base: str = benchmark.get_metadata().get("base", "bare")
            self._rows[group, case, name] = shortest, base

    @property
    def runs(self) -> int:
        return max(len(shortest) for shortest, _ in self._rows.values())

    def groups(self) -> list[str]:
        return list(dict.fromkeys(group for group, _, _ in self._rows))

    def cases(self, group: str) -> list[str]:
        return list(dict.fromkeys(case for each, case, _ in self._rows if each == group))

    def names(self, group: str) -> list[str]:
        return list(dict.fromkeys(name for each, _, name in self._rows if each == group))

    def time(self, group: str, case: str, name: str) -> float:
        """Return the seconds of a whole call."""
        return median(self._rows[group, case, name][0])

    def time_ratio(self, group: str, case: str, name: str, other: str) -> float:
        pairs = zip(
            self._rows[group, case, name][0], self._rows[group, case, other][0], strict=True
        )
        return median(ours / others for ours, others in pairs)

    def overhead(self, group: str, case: str, name: str) -> float:
        """Return the seconds that are added to the bare application."""
        return median(self._overheads(group, case, name))

    def ratio(self, group: str, case: str, name: str, other: str) -> float:
        """Return an overhead as so many times another one."""
        pairs = zip(
            self._overheads(group, case, name), self._overheads(group, case, other), strict=True
        )
        return median(ours / others for ours, others in pairs)

    def _overheads(self, group: str, case: str, name: str) -> list[float]:
        shortest, base = self._rows[group, case, name]
        bases = self._rows.get((group, case, base), self._rows.get((group, case, _base(name))))
        assert bases is not None
        return [seconds - bare for seconds, bare in zip(shortest, bases[0], strict=True)]


def _base(name: str) -> str:
    return f"bare, {name.rpartition(', ')[2]}"


def merge(parts: Iterable[Iterable[Any]]) -> pyperf.BenchmarkSuite:
    """Make one suite of the benchmarks of several processes."""
    suite: pyperf.BenchmarkSuite | None = None
    for benchmarks in parts:
        run = pyperf.BenchmarkSuite(list(benchmarks))
        if suite is None:
            suite = run
        else:
            suite.add_runs(run)
    return suite
