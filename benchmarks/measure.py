"""Time rows side by side: in turns, in one process, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable
from itertools import groupby, repeat
from time import perf_counter

from benchmarks import asgi, django, peers, track, wsgi
from benchmarks.rows import Row

_SAMPLE = 100e-6  # seconds; longer samples are more likely to be interrupted


def measure(only: str, rounds: int) -> dict[str, float]:
    """Return the seconds of each row of the groups whose names start so.

    They are the shortest of all rounds: on a shared machine the longer ones show what else was
    running.
    """
    rows = [*wsgi.rows(peers.WSGI), *asgi.rows(peers.ASGI), *django.rows(peers.DJANGO)]
    rows = [row for row in (*rows, *track.rows()) if row.group.startswith(only)]
    shortest = {str(row): float("inf") for row in rows}
    shuffle = random.Random(0).shuffle
    gc.disable()
    for _, compared in groupby(rows, lambda row: row.group):
        gc.collect()
        turns = [(row, _loops(row)) for row in compared]
        for _ in range(rounds):
            shuffle(turns)
            for row, loops in turns:
                shortest[str(row)] = min(shortest[str(row)], _time(row, loops))
    return shortest


def _loops(row: Row) -> int:
    return max(1, round(_SAMPLE / min(_time(row, 1) for _ in range(50))))


def _time(row: Row, loops: int) -> float:
    return row.context.run(_seconds, row.call, repeat(None, loops)) / loops


def _seconds(call: Callable[[], object], turns: Iterable[None]) -> float:
    start = perf_counter()
    for _ in turns:
        call()
    return perf_counter() - start
