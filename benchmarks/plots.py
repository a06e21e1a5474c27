"""The plots of the documentation: SVG, on white, so that they are read on any page."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks import peers
from benchmarks.results import Results
from benchmarks.wsgi import HEADER_SIZE, SIZES

_OURS, _FLOOR, _OTHERS = "#4527a0", "#8d6e63", "#b0bec5"
_BARS = {
    "ASGI": ("ASGI, plain", ("us", "floor", *peers.ASGI)),
    "WSGI": ("WSGI, list", ("us", "floor", *peers.WSGI)),
    "Django": ("Django, sync", ("us", "floor", peers.POSTHOG)),
}


def draw(results: Results, folder: Path) -> None:
    """Write ``cost_peers.svg`` and ``cost_header.svg``."""
    # Text stays text, and the same numbers make the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "koala", "font.size": 9})
    _save(_peers(results), folder / "cost_peers.svg")
    _save(_header(results), folder / "cost_header.svg")


def _peers(results: Results) -> plt.Figure:
    heights = [len(names) for _, names in _BARS.values()]
    figure, panels = plt.subplots(
        len(_BARS), sharex=True, figsize=(7, 5.2), height_ratios=heights, layout="constrained"
    )
    for panel, (title, (group, names)) in zip(panels, _BARS.items(), strict=True):
        times = [results.overhead(group, "small", name) * 1e6 for name in names]
        colors = [{"us": _OURS, "floor": _FLOOR}.get(name, _OTHERS) for name in names]
        labels = [_label(name) for name in names]
        bars = panel.barh(labels, times, color=colors)
        panel.bar_label(bars, [f"{time:.3g} µs" for time in times], padding=3)
        panel.set(title=title, xscale="log", xlim=(0.5, 1000))
        panel.invert_yaxis()
        _open(panel)
    panels[-1].set_xlabel("added to a request with a cookie, in microseconds, logarithmic")
    return figure


def _label(name: str) -> str:
    return {"us": "koala_middleware", "floor": "the floor"}.get(name, name)


def _header(results: Results) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for row, label, color, style in (
        ("floor", "the floor", _FLOOR, "-"),
        ("us, asked", "koala_middleware, and the application asks for the id", _OURS, "--"),
        ("us", "koala_middleware", _OURS, "-"),
    ):
        added = [results.overhead(HEADER_SIZE, "bytes", f"{row}, {size}") * 1e6 for size in SIZES]
        axes.plot(SIZES, added, style, color=color, marker=".", label=label)
    axes.set(xlabel="Cookie header, in bytes", ylabel="added, in microseconds", ylim=0)
    axes.legend(frameon=False)
    _open(axes)
    return figure


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, facecolor="white", metadata={"Date": None, "Creator": None})
    plt.close(figure)
