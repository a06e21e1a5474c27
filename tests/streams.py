"""A body in pieces, with an event before, between and after them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from tests.visitors import ALICE, track


def chunks() -> Iterator[str]:
    track("chunk 1")
    yield "1"
    track("chunk 2")
    yield "2"
    track("end")


async def async_chunks() -> AsyncIterator[str]:
    for chunk in chunks():
        yield chunk
        await asyncio.sleep(0)


EACH_CHUNK = dict.fromkeys(["chunk 1", "chunk 2", "end"], ALICE)
"""The events of Alice's request for such a body, and whose they are."""
