"""Count instructions, which show a slowdown whatever else the machine is doing.

``python -m benchmarks.instructions`` runs rows of the benchmarks under callgrind, and fails if ours
need over 3 % more instructions, relative to the floor's in the same run, than ``instructions.json``
says for this Python. ``--update`` writes that file. Needs valgrind: https://valgrind.org
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

import koala_middleware as koala
from benchmarks import asgi, django, track, wsgi
from benchmarks.inputs import PROFILE_ID

_BASELINE = Path(__file__).with_name("instructions.json")
_CALLS = 1000
_LIMIT = 1.03
_GROUPS = (
    *(f"WSGI, {body}" for body in ("list, none", "list, small", f"{wsgi.CHUNKS} chunks, small")),
    *(f"{kind}, {cookies}" for kind in ("ASGI", "Django, sync") for cookies in ("none", "small")),
)


def _call(name: str, count: int) -> None:
    """Call one row so many times: what runs under callgrind."""
    makers = {"WSGI": wsgi.rows, "ASGI": asgi.rows, "Django": django.rows}
    kind = re.split(r",| \|", name)[0]
    rows = makers[kind]({}) if kind in makers else track.rows()
    [row] = [row for row in rows if f"{row.group} | {row.name}" == name]
    with koala.profile(PROFILE_ID):
        for _ in range(count):
            row.context.run(row.call)


def _count(name: str, count: int, cache: str) -> int:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": cache}
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    module = [sys.executable, "-m", "benchmarks.instructions", "--call", name, str(count)]
    done = subprocess.run(
        [*valgrind, *module], env=environment, capture_output=True, text=True, check=True
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected, done.stderr
    return int(collected[1])


def ratios() -> dict[str, float]:
    """Return our instructions as a ratio to the floor's, both beyond the bare application's."""
    names = [f"{group} | {row}" for group in _GROUPS for row in ("bare", "floor", "us")]
    names += ["track | bare", "track | us"]
    with TemporaryDirectory() as cache, ThreadPoolExecutor(os.cpu_count()) as pool:
        _count("track | bare", 1, cache)  # compiles the bytecode
        starts = list(pool.map(_count, names, [0] * len(names), [cache] * len(names)))
        ends = list(pool.map(_count, names, [_CALLS] * len(names), [cache] * len(names)))
    counts = {
        name: (end - start) / _CALLS for name, start, end in zip(names, starts, ends, strict=True)
    }
    for name, number in counts.items():
        print(f"{name:32} {number:10,.0f} instructions")
    found = {"track": counts["track | us"] / counts["track | bare"]}
    for group in _GROUPS:
        bare, by_hand, ours = (counts[f"{group} | {row}"] for row in ("bare", "floor", "us"))
        found[group] = (ours - bare) / (by_hand - bare)
    return {group: round(ratio, 3) for group, ratio in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--update", action="store_true", help="make this the baseline")
    parser.add_argument("--call", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        _call(arguments.call[0], int(arguments.call[1]))
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    baselines = json.loads(_BASELINE.read_text())
    found, baseline = ratios(), baselines.get(version, {})
    slower = [group for group in found if found[group] > baseline.get(group, found[group]) * _LIMIT]
    for group, ratio in found.items():
        verdict = f"over {_LIMIT:.0%} of the baseline" if group in slower else ""
        print(f"{group:32} {ratio:6.3f} to the floor; baseline {baseline.get(group)} {verdict}")
    if arguments.update:
        _BASELINE.write_text(json.dumps({**baselines, version: found}, indent=4) + "\n")
    elif slower:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
