"""Time rows side by side: by turns, in one process, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from itertools import groupby, repeat

import pyperf

_SAMPLE = 100e-6  # seconds: longer ones are more likely to be interrupted
_BLOCKS = 10


@dataclass(frozen=True)
class Row:
    """Say what is timed, and with what it is compared.

    :param group: what the row is a part of, such as ``"WSGI, list"``.
    :param case: what is the same in all rows that are compared, such as the cookies.
    :param name: ``"us"``, ``"floor"`` or a peer.
    :param call: handles one request, or makes one call.
    :param base: the row that is subtracted, whose application is the same.
    :param context: where to call it.
    """

    group: str
    case: str
    name: str
    call: Callable[[], object]
    base: str = "bare"
    context: Context = field(default_factory=Context)


def measure(rows: Iterable[Row], rounds: int) -> Iterator[pyperf.Benchmark]:
    """Yield what pyperf keeps of each row, of one process.

    A value is the shortest of some rounds: on a shared machine the longer ones tell what else ran.
    """
    for (group, case), compared in groupby(rows, lambda row: (row.group, row.case)):
        together = list(compared)
        for row, values in zip(together, _by_turns(together, rounds), strict=True):
            metadata = {"name": f"{group} | {case} | {row.name}", "base": row.base}
            yield pyperf.Benchmark([pyperf.Run(values, metadata=metadata, collect_metadata=False)])


def _by_turns(rows: list[Row], rounds: int) -> list[list[float]]:
    loops, strides = zip(*map(_calibrate, rows), strict=True)
    blocks = min(_BLOCKS, rounds)
    values = [[float("inf")] * blocks for _ in rows]
    order = list(range(len(rows)))
    shuffle = random.Random(0).shuffle
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            shuffle(order)
            for number in order:
                if turn % strides[number]:
                    continue
                seconds = _seconds(rows[number], loops[number])
                block = turn * blocks // rounds
                values[number][block] = min(values[number][block], seconds)
    finally:
        gc.enable()
    return [[value for value in row if value < float("inf")] for row in values]


def _calibrate(row: Row) -> tuple[int, int]:
    """Return how often to call in a sample, and after how many rounds to take one."""
    once = min(_seconds(row, 1) for _ in range(50))
    return max(1, round(_SAMPLE / once)), max(1, int(once / (4 * _SAMPLE)))


def _seconds(row: Row, loops: int) -> float:
    return row.context.run(_time, row.call, loops) / loops


def _time(call: Callable[[], object], loops: int) -> float:
    turns = repeat(None, loops)
    start = pyperf.perf_counter()
    for _ in turns:
        call()
    return float(pyperf.perf_counter() - start)
