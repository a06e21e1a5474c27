"""Count instructions, to see a slowdown whatever else the machine does.

``python -m benchmarks.instructions`` runs a small script under callgrind and fails if ours are more
than 10 % more, beside the floor's in the same run, than ``instructions.json`` has of this Python.
``--update`` writes that file. Needs valgrind: https://valgrind.org
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

_HERE = Path(__file__).parent
_BASELINE = _HERE / "instructions.json"
_CALLS = 1000
_MOST = 1.1
# Which row tells what the script does before its first call, of track and of a request.
_STARTS = {True: "track | bare", False: "WSGI, none | bare"}
_GROUPS = ("WSGI, none", "WSGI, small", "WSGI, 20 chunks", "ASGI, small")


class _Script:
    """Run ``benchmarks/script.py``, with its bytecode compiled beforehand."""

    def __init__(self, cache: str) -> None:
        self.environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": cache}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name in _STARTS.values():
            self._run([], name, 1)

    def instructions(self, name: str, count: int) -> int:
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        collected = re.search(r"Collected : (\d+)", self._run(valgrind, name, count))
        assert collected
        return int(collected[1])

    def _run(self, valgrind: list[str], name: str, count: int) -> str:
        return subprocess.run(
            [*valgrind, sys.executable, "-m", "benchmarks.script", name, str(count)],
            cwd=_HERE.parent,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stderr


def count() -> dict[str, float]:
    """Return the ratios: ours to the floor's, each beyond the bare application's."""
    names = [f"{group} | {row}" for group in _GROUPS for row in ("bare", "floor", "us")]
    names += ["track | bare", "track | us"]
    with TemporaryDirectory() as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        count_all = _Script(cache).instructions
        before = dict(zip(_STARTS, pool.map(count_all, _STARTS.values(), [0, 0]), strict=True))
        after = list(pool.map(count_all, names, [_CALLS] * len(names)))
    counts = {
        name: (total - before[name.startswith("track")]) / _CALLS
        for name, total in zip(names, after, strict=True)
    }
    for name, number in counts.items():
        print(f"{name:25} {number:10,.0f} instructions")
    ratios = {}
    for group in _GROUPS:
        bare, floor, ours = (counts[f"{group} | {row}"] for row in ("bare", "floor", "us"))
        ratios[group] = (ours - bare) / (floor - bare)
    ratios["track"] = counts["track | us"] / counts["track | bare"]
    return {group: round(ratio, 3) for group, ratio in ratios.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--update", action="store_true", help="make this the baseline")
    update = parser.parse_args().update
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    baselines = json.loads(_BASELINE.read_text())
    ratios = count()
    before = baselines.get(version, {})
    slower = False
    for group, ratio in ratios.items():
        limit = before.get(group, ratio) * _MOST
        slower = slower or ratio > limit
        verdict = "MORE than 10 % over the baseline" if ratio > limit else ""
        print(f"{group:25} {ratio:6.3f} to the floor; baseline {before.get(group)} {verdict}")
    if update:
        _BASELINE.write_text(json.dumps({**baselines, version: ratios}, indent=4) + "\n")
    elif slower:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
