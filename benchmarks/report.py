"""Write what the documentation includes: ``python -m benchmarks.report``.

Of ``benchmarks.json``, and of ``load.json`` and ``memory.json`` where they are: the tables
``docs/cost_….rst`` and the plots.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import pyperf

from benchmarks import load, peers
from benchmarks.plots import draw
from benchmarks.results import Results
from benchmarks.tables import (
    call_table,
    header_table,
    import_table,
    list_table,
    parts_table,
    request_table,
    target_table,
)

_DOCS = Path(__file__).parent.parent / "docs"
_REQUESTS = ("ASGI, plain", "WSGI, list", "WSGI, one chunk", "Django, sync", "Django, async")
_PACKAGES = (
    "asgi-correlation-id",
    "starlette-context",
    "posthog",
    "sentry-sdk",
    "opentelemetry-instrumentation-asgi",
    "Django",
    "Flask",
    "starlette",
    "segment-analytics-python",
)


def _machine(results: Results) -> Iterator[str]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    today = f"{datetime.now(timezone.utc):%-d %B %Y}"
    yield f"The medians of {results.runs} runs on {today}, on 2 cores, 24 GiB, shared"
    model = cpu[1] if cpu else "an unknown processor"
    yield f"({model}); Python {platform.python_version()} on {platform.system()}, {versions}."
    yield ""


def _requests(results: Results) -> Iterator[str]:
    for group in _REQUESTS:
        yield from (group, "~" * len(group), "")
        yield from list_table(request_table(results, group, ["none", "small", "4 KB, last"]))


def _load() -> Iterator[str]:
    sites = json.loads(Path("load.json").read_text())["sites"]
    pairs = min(map(len, sites.values()))
    heading = (
        "Server",
        "Requests/s without",
        "Requests/s, with to without",
        "p99, with to without",
    )
    yield from (f"The medians of {pairs} pairs, with the least and the most of them:", "")
    yield from list_table([heading, *(load.summary(site, sites[site]) for site in sites)])


def _memory() -> Iterator[str]:
    memory = json.loads(Path("memory.json").read_text())
    (floor, ours), blocks = memory["added"].values(), memory["blocks"]
    requests = memory["requests"]
    yield f"A WSGI request whose body is being sent holds {ours:,.0f} bytes more with the"
    yield f"middleware than without, and {floor:,.0f} with the floor. From the"
    yield f"{requests // 5:,}th request to the {requests:,}th the memory blocks in use"
    yield f"went from {blocks[1]:,} to {blocks[-1]:,}."


def _write(name: str, lines: Iterator[str]) -> None:
    (_DOCS / f"cost_{name}.rst").write_text("\n".join(lines).rstrip() + "\n")


def main(path: str) -> None:
    results = Results(pyperf.BenchmarkSuite.load(path))
    _write("machine", _machine(results))
    _write("targets", list_table(target_table(results)))
    _write("requests", _requests(results))
    _write("calls", list_table(call_table(results)))
    _write("header", list_table(header_table(results)))
    _write("parts", list_table(parts_table(results)))
    _write("import", list_table(import_table(results)))
    _write("peers", (f"* {name} {does}." for name, does in peers.DOES_MORE.items()))
    if Path("load.json").exists():
        _write("load", _load())
    if Path("memory.json").exists():
        _write("memory", _memory())
    draw(results, _DOCS)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "benchmarks.json")
