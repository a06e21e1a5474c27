"""One process of a run: time all rows, and write what pyperf keeps of them to standard output."""

from __future__ import annotations

import sys

import pyperf

from benchmarks import asgi, django, parts, peers, track, wsgi
from benchmarks.measure import measure

GROUPS = (
    wsgi.rows,
    wsgi.flask_rows,
    wsgi.header_rows,
    asgi.rows,
    asgi.starlette_rows,
    django.rows,
    track.rows,
    parts.rows,
)


def main(rounds: int) -> None:
    peers.start_sentry()
    benchmarks = [bench for rows in GROUPS for bench in measure(rows(), rounds)]
    pyperf.BenchmarkSuite(benchmarks).dump(sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
