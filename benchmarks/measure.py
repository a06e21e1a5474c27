"""Time rows side by side: in turns, in one process, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from itertools import groupby, repeat

import pyperf

_SAMPLE = 100e-6  # seconds; longer samples are more likely to be interrupted
_BLOCKS = 10


@dataclass(frozen=True)
class Row:
    """One thing that is timed.

    :param group: the rows it is compared with, such as ``"WSGI, list, small"``.
    :param name: ``"bare"``, ``"floor"``, ``"us"`` or a peer.
    :param call: handles one request, or makes one call.
    :param context: where to call it.
    """

    group: str
    name: str
    call: Callable[[], object]
    context: Context = field(default_factory=Context)


def measure(rows: Iterable[Row], rounds: int) -> Iterator[pyperf.Benchmark]:
    """Yield the timings of one process, a benchmark for each row.

    Each value is the shortest of some rounds: on a shared machine the longer ones show what else
    was running.
    """
    for group, compared in groupby(rows, lambda row: row.group):
        together = list(compared)
        for row, values in zip(together, _in_turns(together, rounds), strict=True):
            metadata = {"name": f"{group} | {row.name}"}
            yield pyperf.Benchmark([pyperf.Run(values, metadata=metadata, collect_metadata=False)])


def _in_turns(rows: list[Row], rounds: int) -> list[list[float]]:
    loops = [max(1, round(_SAMPLE / min(_seconds(row, 1) for _ in range(50)))) for row in rows]
    blocks = min(_BLOCKS, rounds)
    values = [[float("inf")] * blocks for _ in rows]
    order = list(range(len(rows)))
    shuffle = random.Random(0).shuffle
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            shuffle(order)
            block = turn * blocks // rounds
            for number in order:
                seconds = _seconds(rows[number], loops[number])
                values[number][block] = min(values[number][block], seconds)
    finally:
        gc.enable()
    return values


def _seconds(row: Row, loops: int) -> float:
    return row.context.run(_time, row.call, loops) / loops


def _time(call: Callable[[], object], loops: int) -> float:
    turns = repeat(None, loops)
    start = pyperf.perf_counter()
    for _ in turns:
        call()
    return float(pyperf.perf_counter() - start)
