"""The inspector's own HTTP API, which its page and ``koala-middleware tail`` use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from koala_middleware.inspector.explanation import with_explanation
from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.json_text import compact
from koala_middleware.inspector.matching import matching
from koala_middleware.inspector.server import csv_text
from koala_middleware.inspector.server.edited import edited_route
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.server.live import live_rows
from koala_middleware.inspector.server.query import integer, query_filter, query_series
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from koala_middleware.inspector.storage.overview import Series
from koala_middleware.inspector.storage.summary import details, titled
from koala_middleware.inspector.verdict import remedy

Found = list[tuple[dict[str, Any], dict[str, Any]]]

_MOST_LISTED = 1000


class InspectorAPI:
    """The inspector's own API, which docs/inspector.rst describes."""

    def __init__(self, store: EventStore, feed: Feed, forwarder: Forwarder | None) -> None:
        self._store = store
        self._feed = feed
        self._forwarder = forwarder

    def routes(self) -> list[Route]:
        return [
            Route("/api/events", self.events, methods=["GET"]),
            Route("/api/events", self.clear, methods=["DELETE"]),
            Route("/api/events/{number}", self.event, methods=["GET"]),
            Route("/api/events.ndjson", self.export, methods=["GET"]),
            Route("/api/events.csv", self.table, methods=["GET"]),
            Route("/api/stats", self.stats, methods=["GET"]),
            Route("/api/stream", self.stream, methods=["GET"]),
            edited_route(self._store, self._feed),
        ]

    def _listed(self, chosen: Filter, limit: int, detailed: bool) -> list[dict[str, Any]]:
        if not detailed:
            return [titled(row) for row in self._store.rows(chosen, limit)]
        found = self._store.messages(chosen, limit)
        return [{**titled(row), **details(message, row)} for row, message in found]

    async def events(self, request: Request) -> Response:
        query = request.query_params
        limit = integer(query, "limit", 100, 1, _MOST_LISTED)
        detailed = integer(query, "details", 1, 0, 1) == 1
        found = await run_in_threadpool(self._listed, query_filter(query), limit, detailed)
        return _json({"events": found})

    async def event(self, request: Request) -> Response:
        number = integer(request.path_params, "number", 0, 0, (1 << 63) - 2)
        only = Filter(after=number - 1, before=number + 1)
        found = await run_in_threadpool(self._listed, only, 1, True)
        if not found:
            raise HTTPException(404, "there is no such event; was it cleared?")
        return _json({**found[0], "matching": matching(found[0]["message"])})

    async def clear(self, request: Request) -> Response:
        cleared = await run_in_threadpool(self._store.clear)
        self._feed.wake()
        return _json({"cleared": cleared})

    async def export(self, request: Request) -> Response:
        return StreamingResponse(
            _lines(self._store, query_filter(request.query_params)),
            media_type="application/x-ndjson",
            headers={"Content-Disposition": 'attachment; filename="events.ndjson"'},
        )

    async def table(self, request: Request) -> Response:
        return StreamingResponse(
            _table(self._store, query_filter(request.query_params)),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="events.csv"'},
        )

    def _counted(self, chosen: Filter, series: Series) -> dict[str, Any]:
        found = self._store.overview(replace(chosen, verdict=None), series)
        for issue in found["issues"]:
            issue.update(remedy(issue["reason"], issue["hint"], issue["cause"]))
        return {
            **found,
            "chosen": found[chosen.verdict or "total"],
            "stored": self._store.count(Filter()),
            "forward": self._forwarder.stats() if self._forwarder else None,
        }

    async def stats(self, request: Request) -> Response:
        query = request.query_params
        return _json(
            await run_in_threadpool(self._counted, query_filter(query), query_series(query))
        )

    async def stream(self, request: Request) -> Response:
        # A browser that connects again says what it has seen.
        seen = request.headers.get("last-event-id")
        query = {**request.query_params, **({"after": seen} if seen else {})}
        chosen = query_filter(query)
        if chosen.after is None:
            chosen = replace(chosen, after=await run_in_threadpool(self._store.newest))
        return EventSourceResponse(live_rows(self._store, self._feed, chosen))


def _json(value: object) -> Response:
    # Not JSONResponse, which fails on half a surrogate pair: JSON may have one.
    return Response(compact(value), media_type="application/json")


def _lines(store: EventStore, chosen: Filter) -> Iterator[str]:
    for found in _pages(store, chosen):
        yield "".join(f"{compact(with_explanation(message, row))}\n" for row, message in found)


def _table(store: EventStore, chosen: Filter) -> Iterator[str]:
    yield csv_text.head()
    for found in _pages(store, chosen):
        yield csv_text.lines(found)


def _pages(store: EventStore, chosen: Filter) -> Iterator[Found]:
    """Yield all chosen messages, the oldest first."""
    chosen = replace(chosen, after=chosen.after or 0)
    while found := store.messages(chosen, _MOST_LISTED):
        yield found
        chosen = replace(chosen, after=found[-1][0]["id"])
