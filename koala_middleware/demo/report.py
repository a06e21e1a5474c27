"""Print the results of the visits."""

from __future__ import annotations

import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

from koala_middleware.demo.play import Outcome


def report(outcomes: list[Outcome]) -> int:
    """Print a table and each problem, and return the exit code: 1 if there is a problem."""
    # Where the output is not a terminal it has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False)
    table = Table("Site", "Event", "Tracked in", "Cookie sent", "Profile id", "Koala (Cloud)")
    site = outcomes[0].action.site
    for outcome in outcomes:
        if outcome.action.site != site:
            site = outcome.action.site
            table.add_section()
        table.add_row(*_cells(outcome), style="bold red" if outcome.problem else None)
    console.print(table)

    problems = [outcome for outcome in outcomes if outcome.problem]
    for outcome in problems:
        action = outcome.action
        line = f"{action.site}, {action.event}: {outcome.problem}"
        console.print(line, style="red", soft_wrap=True)
    for (reason, hint), count in _drops(outcomes).items():
        console.print(f"dropped: {reason} ({count} events): {hint}", soft_wrap=True)
    right = len(outcomes) - len(problems)
    console.print(
        f"{right} of {len(outcomes)} events are right: "
        "each has the profile id of its own visitor, or none where no cookie was sent.",
        soft_wrap=True,
    )
    return 1 if problems else 0


def _drops(outcomes: list[Outcome]) -> Counter[tuple[str, str]]:
    rows = [row for outcome in outcomes for row in outcome.rows]
    return Counter((row["reason"], row["hint"]) for row in rows if row["verdict"] == "dropped")


def _cells(outcome: Outcome) -> list[str]:
    site, _, _, event, tracked_in = outcome.action
    cells = [site, event, tracked_in, _short(outcome.cookie)]
    if not outcome.rows:
        return [*cells, "no event", ""]
    row = outcome.rows[0]
    return [*cells, _short(row["profile_id"]), row["verdict"]]


def _short(profile_id: str | None) -> str:
    return "none" if profile_id is None else f"{profile_id[:8]}..."
