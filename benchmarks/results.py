"""The table and the plot of a run: ``python -m benchmarks.results`` writes them for the docs."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from statistics import median

import pyperf

MEASURED = Path(__file__).parent.parent / "docs" / "_measured"
_OURS, _FLOOR, _PEERS = "#4527a0", "#8d6e63", "#b0bec5"

Table = list[tuple[str, ...]]


def table(suite: pyperf.BenchmarkSuite) -> Table:
    """Return what each row adds to the bare application, and how many times the floor that is.

    For ``track``, the time of the whole call, and its ratio to the call by hand. All are medians
    of the runs, and of the ratios within each run.
    """
    lines: Table = [("", "", "Adds", "To the floor")]
    for group, rows in _groups(suite):
        base, unit = ("by hand", 1.0) if group == "track" else ("floor", 0.0)
        bare = rows.pop("bare")
        if unit:
            bare = [0.0] * len(bare)
        added = {
            name: [b - a for a, b in zip(bare, runs, strict=True)] for name, runs in rows.items()
        }
        for name, runs in added.items():
            ratio = median(ours / floor for ours, floor in zip(runs, added[base], strict=True))
            lines.append((group, name, f"{median(runs) * 1e6:.2f} µs", f"{ratio:.2f}"))
    return lines


def _groups(suite: pyperf.BenchmarkSuite) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield each group with its rows' shortest times, one for each run, in seconds."""
    benchmarks = [
        (*benchmark.get_name().split(" | "), [min(run.values) for run in benchmark.get_runs()])
        for benchmark in suite.get_benchmarks()
    ]
    for group, rows in groupby(benchmarks, lambda row: row[0]):
        yield group, {name: times for _, name, times in rows}


def text(lines: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def list_table(lines: Iterable[tuple[str, ...]]) -> str:
    """Return a table in reStructuredText."""
    cells = (
        f"   {' ' if number else '*'} - {cell}".rstrip()
        for line in lines
        for number, cell in enumerate(line)
    )
    return "\n".join([".. list-table::", "   :header-rows: 1", "", *cells]) + "\n"


def _plot(suite: pyperf.BenchmarkSuite, path: Path) -> None:
    """Draw what a request with a cookie costs, as SVG on white, so that any page can show it."""
    import matplotlib as mpl

    mpl.use("svg")
    # Text stays text, and the same numbers make the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "koala", "font.size": 9})
    from matplotlib import pyplot as plt

    rows = [
        line for line in table(suite) if line[0].endswith(", small") and "chunks" not in line[0]
    ]
    names = [f"{group.removesuffix(', small')}: {name}" for group, name, _, _ in rows]
    colors = [{"us": _OURS, "floor": _FLOOR}.get(name, _PEERS) for _, name, _, _ in rows]
    figure, axes = plt.subplots(figsize=(7, 0.26 * len(rows) + 0.8), layout="constrained")
    bars = axes.barh(names, [float(added.split()[0]) for _, _, added, _ in rows], color=colors)
    axes.bar_label(bars, [added for _, _, added, _ in rows], padding=3)
    axes.set(xscale="log", xlim=(0.3, 1000), xlabel="added to a request, in µs, logarithmic")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, facecolor="white", metadata={"Date": None, "Creator": None})


def main(path: str) -> None:
    suite = pyperf.BenchmarkSuite.load(path)
    runs = len(suite.get_benchmarks()[0].get_runs())
    cpu = next(
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    )
    machine = f"Python {platform.python_version()}, {cpu.partition(': ')[2]}"
    caption = f"The medians of {runs} runs on two shared cores; {machine}.\n\n"
    (MEASURED / "cost.rst").write_text(caption + list_table(table(suite)))
    _plot(suite, MEASURED / "cost.svg")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "benchmarks.json")
