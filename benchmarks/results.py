"""The table and the plot of a run: ``python -m benchmarks.results`` writes them for the docs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from operator import truediv
from pathlib import Path
from statistics import median

import pyperf

_MEASURED = Path(__file__).parent.parent / "docs" / "_measured"

Table = list[tuple[str, ...]]


def compare(runs: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, str, float, float]]:
    """Yield group and name of each row, what it adds to the bare one, and its ratio to the floor's.

    For ``track``, that is the whole call, and its ratio to the call by hand. Both are medians: of
    the runs, and of the ratios within each run.
    """
    for title, ours in runs.items():
        group, _, name = title.partition(" | ")
        bare, base = runs[f"{group} | bare"], runs.get(f"{group} | floor")
        if base is None:
            bare, base = [0.0] * len(ours), runs[f"{group} | by hand"]
        if name != "bare":
            added = [each - without for each, without in zip(ours, bare, strict=True)]
            floor = [each - without for each, without in zip(base, bare, strict=True)]
            yield group, name, median(added), median(map(truediv, added, floor))


def table(suite: pyperf.BenchmarkSuite) -> Table:
    runs = {each.get_name(): each.get_values() for each in suite.get_benchmarks()}
    lines = [
        (*names, f"{added * 1e6:.2f} µs", f"{ratio:.2f}") for *names, added, ratio in compare(runs)
    ]
    return [("Benchmark", "Row", "Adds", "To the floor"), *lines]


def text(lines: Table) -> str:
    """Return a table, of which the first line is the heading, in reStructuredText's simple form."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = tuple("=" * width for width in widths)
    heading, *rows = lines
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in (rule, heading, rule, *rows, rule)
    )


def _plot(lines: Table, path: Path) -> None:
    """Draw what a request with a cookie costs, as SVG on white, so that any page can show it."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    # Text stays text, and the same numbers make the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "koala", "font.size": 9})
    rows = [line for line in lines if line[0].endswith(", small") and "chunks" not in line[0]]
    names = [f"{group.removesuffix(', small')}: {name}" for group, name, _, _ in rows]
    colors = ["#4527a0" if name.startswith("us") else "#b0bec5" for _, name, _, _ in rows]
    figure, axes = plt.subplots(figsize=(7, 0.26 * len(rows) + 0.8), layout="constrained")
    bars = axes.barh(names, [float(added.split()[0]) for _, _, added, _ in rows], color=colors)
    axes.bar_label(bars, [added for _, _, added, _ in rows], padding=3)
    axes.set(xscale="log", xlim=(0.3, 1000), xlabel="added to a request, in µs, logarithmic")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, facecolor="white", metadata={"Date": None, "Creator": None})


def main(path: str) -> None:
    suite = pyperf.BenchmarkSuite.load(path)
    [first, *_] = suite.get_benchmarks()
    metadata = first.get_metadata()
    caption = (
        f"The medians of {first.get_nrun()} runs on two shared cores; "
        f"Python {metadata['python_version']}, {metadata['cpu_model_name']}.\n\n"
    )
    lines = table(suite)
    (_MEASURED / "cost.rst").write_text(caption + text(lines))
    _plot(lines, _MEASURED / "cost.svg")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "benchmarks.json")
