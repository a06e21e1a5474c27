"""The table: suite, version, tests, failures without ours and with."""

from __future__ import annotations

from dataclasses import dataclass

from tests.others.accepted import ACCEPTED, reason
from tests.others.running import Outcome
from tests.others.suite import MODES, Suite
from tests.others.suites import WITHOUT_TESTS

_NOT_RUN = "\u2013"


@dataclass(frozen=True)
class Row:
    """What became of a suite in each mode that it was run in."""

    suite: Suite
    outcomes: dict[str, Outcome]

    def only_ours(self, mode: str) -> list[str]:
        """Return the tests that fail in a mode and not bare."""
        return sorted(self.outcomes[mode].failed.keys() - self.outcomes["bare"].failed.keys())

    def unexplained(self, mode: str) -> list[str]:
        """Return those of them that are not accepted."""
        return [test for test in self.only_ours(mode) if not reason(self.suite.name, mode, test)]

    def problems(self) -> list[str]:
        """Return a text for everything that fails the run."""
        found = []
        for mode, outcome in self.outcomes.items():
            where = f"{self.suite.name} ({mode})"
            for test in self.unexplained(mode):
                end = "\n".join(outcome.failed[test].rstrip().splitlines()[-12:])
                found.append(f"{where}: {test} fails with ours only\n{end}")
            found += [f"{where}: {fault}" for fault in sorted(set(outcome.faults))]
            if not outcome.ran:
                continue
            lost = self.outcomes["bare"].ran - outcome.ran
            found += [f"{where}: {test} was not run" for test in sorted(lost)]
            found += [
                f"{where}: {accepted.test} is accepted, and does not fail"
                for accepted in ACCEPTED
                if accepted.suite == self.suite.name
                and mode in accepted.modes
                and accepted.test in outcome.ran - outcome.failed.keys()
            ]
        return found


def table(rows: list[Row]) -> str:
    """Return the rows as reStructuredText; under a mode: the failures that only ours has."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        *_line(
            ["Suite", "Version", "Tests", "Fail bare", *(mode.capitalize() for mode in MODES[1:])]
        ),
    ]
    for row in sorted(rows, key=lambda row: row.suite.name.lower()):
        bare = row.outcomes["bare"]
        cells = [row.suite.name, row.suite.version, f"{len(bare.ran):,}", str(len(bare.failed))]
        for mode in MODES[1:]:
            cells += [str(len(row.only_ours(mode))) if mode in row.outcomes else _NOT_RUN]
        lines += _line(cells)
    for name, why in WITHOUT_TESTS.items():
        project, version = name.split()
        lines += _line([project, version, f"0 ({why})", *[_NOT_RUN] * len(MODES)])
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> list[str]:
    return [f"   {'*' if not place else ' '} - {cell}" for place, cell in enumerate(cells)]
