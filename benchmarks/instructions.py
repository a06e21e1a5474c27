"""Count instructions, which show a slowdown whatever else the machine is doing.

``python -m benchmarks.instructions`` runs the benchmarks under callgrind, and fails if a row of
ours needs over 3 % more instructions than ``instructions.json`` says for this Python. ``--update``
writes that file: do it first where Python was built differently. Needs valgrind:
https://valgrind.org
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import asgi, django, track, wsgi
from benchmarks.results import compare

_BASELINE = Path(__file__).with_name("instructions.json")
_CALLS = 300
_LIMIT = 1.03


def _call_rows() -> None:
    """Call each row many times, between two calls of ``getppid``: what runs under callgrind."""
    rows = [*wsgi.rows({}), *asgi.rows({}), *django.rows({}), *track.rows()]
    gc.disable()
    for row in rows:
        for count in (20, _CALLS):  # the first time sets up caches
            for _ in range(count):
                row.context.run(row.call)
            os.getppid()
        print(row)


def _counts() -> dict[str, list[float]]:
    """Return the instructions of one call of each row."""
    with TemporaryDirectory() as folder:
        # Callgrind writes what it has counted since the last time to a file with the next number.
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--dump-before=getppid"]
        valgrind.append(f"--callgrind-out-file={folder}/counted")
        command = [*valgrind, sys.executable, "-m", "benchmarks.instructions", "--call-rows"]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        rows = subprocess.check_output(command, env=environment, text=True)
        counts = {}
        for number, row in enumerate(rows.splitlines(), 1):
            counted = Path(folder, f"counted.{2 * number}").read_text()
            found = re.search(r"^(?:summary|totals): (\d+)", counted, re.MULTILINE)
            assert found, counted
            counts[row] = [int(found[1]) / _CALLS]
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--update", action="store_true", help="make this the baseline")
    parser.add_argument("--call-rows", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call_rows:
        _call_rows()
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    baselines, found, slower = json.loads(_BASELINE.read_text()), {}, []
    for group, name, added, ratio in compare(_counts()):
        row = f"{group} | {name}"
        before = baselines.get(version, {}).get(row, added)
        print(f"{row:36} {added:9,.0f}, {ratio:.3f} times the floor, before {before:,.0f}")
        if name.startswith("us"):
            found[row] = round(added)
            if added > before * _LIMIT:
                slower.append(row)
    if arguments.update:
        _BASELINE.write_text(json.dumps({**baselines, version: found}, indent=4) + "\n")
    elif slower:
        raise SystemExit(f"over {_LIMIT:.0%} of the baseline: {'; '.join(slower)}")


if __name__ == "__main__":
    main()
