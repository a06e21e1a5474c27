"""What the views of the ASGI applications do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator

from asgiref.sync import sync_to_async

import koala_middleware as koala
from tests.storm.kinds import CHUNK_SIZE, CHUNKS, UNCARRIED
from tests.storm.tracking import (
    PAUSE,
    ViewError,
    pool,
    pooled,
    sync_outside,
    track,
    track_anonymously,
)


async def act(kind: str, ref: str) -> None:
    """Do all that a request of this kind does before its response."""
    await asyncio.sleep(PAUSE)
    (track_anonymously if kind == "anonymous" else track)(ref, "view")
    if kind == "pool":
        loop = asyncio.get_running_loop()
        carried = koala.carry(track)
        await asyncio.gather(
            # First, so that it may be what starts one of the pool's threads.
            loop.run_in_executor(pool, track, ref, UNCARRIED),
            *(loop.run_in_executor(pool, carried, *call) for call in pooled(ref)),
        )
    elif kind == "nested":
        await sync_to_async(sync_outside)(ref)
    elif kind in ("fails", "errorpage"):
        raise ViewError


async def later(ref: str) -> None:
    await asyncio.sleep(10 * PAUSE)
    track(ref, "later")


async def chunks(kind: str, ref: str) -> AsyncGenerator[bytes, None]:
    for number in range(CHUNKS[kind]):
        await asyncio.sleep(PAUSE)
        track(ref, f"chunk{number}")
        yield b"." * CHUNK_SIZE[kind]
    if kind == "breaks":
        raise ViewError


async def body(kind: str, ref: str) -> AsyncGenerator[bytes, None]:
    """Track in each chunk, and in the end: that of the body, of the server or of its patience."""
    try:
        async for chunk in chunks(kind, ref):
            yield chunk
    except GeneratorExit:
        # Nobody closes a generator that a framework gives up but the garbage collector, which
        # does so as whoever is current then (see test_found.py).
        raise
    except BaseException:
        track(ref, "close")
        raise
    else:
        track(ref, "close")


def chunks_in_a_thread(kind: str, ref: str) -> Iterator[bytes]:
    for number in range(CHUNKS[kind]):
        time.sleep(PAUSE)
        track(ref, f"chunk{number}")
        yield b"." * CHUNK_SIZE[kind]
    track(ref, "close")
