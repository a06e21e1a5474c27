"""The live list: what arrives, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from koala_middleware.inspector.json_text import compact
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from koala_middleware.inspector.storage.summary import titled

_SECONDS = 0.1  # what arrives within these goes out together
_MOST_ROWS = 500


async def live_rows(
    store: EventStore, feed: Feed, chosen: Filter
) -> AsyncIterator[ServerSentEvent]:
    """Yield the rows of the chosen messages, oldest first, until the feed is closed.

    ``events`` has a JSON array of rows, its id is that of the last one; ``cleared`` says that
    all were deleted.
    """
    clearings = store.clearings
    after = chosen.after or 0
    yield ServerSentEvent(comment="live")  # Firefox takes it for open only when something comes
    while not feed.closed:
        news, newest = feed.watch(), await run_in_threadpool(store.newest)
        # A number that this file never had: the page watched another one before.
        if store.clearings != clearings or after > newest:
            clearings, after = store.clearings, min(after, newest)
            yield ServerSentEvent(event="cleared", data="{}")
        rows = await run_in_threadpool(store.rows, replace(chosen, after=after), _MOST_ROWS)
        if rows:
            yield ServerSentEvent(
                event="events", data=compact([*map(titled, rows)]), id=str(rows[-1]["id"])
            )
            after = rows[-1]["id"]
        await asyncio.sleep(_SECONDS)
        if len(rows) < _MOST_ROWS:
            after = max(after, newest)  # never look again at what was not chosen
            await news.wait()
