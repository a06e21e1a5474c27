"""The table of a storm: as text, and for the documentation from what ``--json`` wrote.

``python -m tests.storm.report results.json > docs/_measured/storm.rst``
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, fields
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.storm.servers import SERVERS
from tests.storm.storm import Storm
from tests.storm.verdict import Row

NAMES = [field.name for field in fields(Row)]
COUNTS = NAMES[2:]
LIBRARIES = ("Django", "Flask", "starlette", "segment-analytics-python")
TITLES = {
    "wrong_visitor": "wrong visitor",
    "extra": "after a hang-up",
    "site": "application",
    "duplicates": "twice",
}


def table(storms: Iterable[Storm]) -> str:
    """Return a line for each application behind each server, and one for all of them."""
    rows = [astuple(row) for storm in storms for row in storm.verdict.rows.values()]
    lines = [tuple(TITLES.get(name, name) for name in NAMES), *rows]
    sums = (sum(column) for column in list(zip(*rows, strict=True))[2:])
    lines.append(("all", "", *sums))
    widths = [max(len(str(cell)) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            str(cell).ljust(width) if isinstance(cell, str) else str(cell).rjust(width)
            for cell, width in zip(line, widths, strict=True)
        )
        for line in lines
    )


def results(storms: Iterable[Storm], requests: int) -> dict[str, Any]:
    """Return all that is worth keeping of a run."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "command": f"python -m tests.storm --requests {requests}",
        "date": f"{datetime.now(timezone.utc):%-d %B %Y}",
        "machine": f"{os.cpu_count()} cores, {memory / (1 << 30):.0f} GB of memory",
        "python": f"Python {platform.python_version()} on {platform.system()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "storms": [asdict(done) | {"versions": SERVERS[done.server].versions()} for done in storms],
    }


def list_table(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a page in reStructuredText."""
    yield f"Run on {run['date']} with ``{run['command']}`` on {run['machine']};"
    yield f"{run['python']}, {run['libraries']};"
    servers = {name for storm in run["storms"] for name in storm["versions"].split(", ")}
    yield f"{', '.join(sorted(servers))}."
    yield ""
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    yield from _cells(["Server", *(TITLES.get(name, name).capitalize() for name in NAMES[1:])])
    sums = dict.fromkeys(COUNTS, 0)
    for storm in run["storms"]:
        for site, row in sorted(storm["verdict"]["rows"].items()):
            yield from _cells([storm["server"], site, *(f"{row[name]:,}" for name in COUNTS)])
            for name in COUNTS:
                sums[name] += row[name]
    yield from _cells(["All", "", *(f"{sums[name]:,}" for name in COUNTS)])


def _cells(cells: Iterable[str]) -> Iterator[str]:
    for number, cell in enumerate(cells):
        yield f"   {' ' if number else '*'} - {cell}".rstrip()


if __name__ == "__main__":
    print("\n".join(list_table(json.loads(Path(sys.argv[1]).read_text()))))
