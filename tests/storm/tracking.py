"""What the applications have in common: the real SDK, and the calls that they make with it.

Each event says which request made it, so that it can be told apart from others' wherever it
arrives. Short pauses between let other visitors in.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import segment.analytics as analytics
from asgiref.sync import async_to_sync, sync_to_async

from tests.storm.kinds import NESTED, POOLED

FILE = Path(os.environ["STORM_FILE"])
PAUSE = 0.001

pool = ThreadPoolExecutor(8)

analytics.write_key = "storm"
analytics.host = os.environ["STORM_COLLECTOR"]
# Past 10,000 the SDK drops what it cannot upload in time.
analytics.max_queue_size = 1_000_000


class ViewError(Exception):
    """What the views raise."""


def track(ref: str, part: str) -> None:
    """Track one part of what the request ``ref`` does."""
    analytics.track("u1", part, {"ref": ref})


def track_anonymously(ref: str, part: str) -> None:
    """Track without an id of the user, which the SDK refuses unless one is filled in."""
    analytics.track(event=part, properties={"ref": ref})


def track_later(ref: str) -> None:
    """Track when the response is out, or about to be."""
    time.sleep(10 * PAUSE)
    track(ref, "later")


def pooled(ref: str) -> list[tuple[str, str]]:
    """Return the arguments of the track calls that a thread pool is to make."""
    return [(ref, f"pool{number}") for number in range(POOLED)]


def sync_outside(ref: str) -> None:
    """Track in sync code, in async code called from that, and in sync code called from there."""
    track(ref, NESTED[0])
    async_to_sync(async_inside)(ref)


async def async_inside(ref: str) -> None:
    track(ref, NESTED[1])
    await sync_to_async(track)(ref, NESTED[2])


if os.environ.get("STORM_BEFORE_FORK"):
    # This leaves the master a thread that uploads, and each worker forked from it none.
    track("before fork", "before fork")
