"""Segment's HTTP API: ``POST /v1/batch``, ``/v1/track`` and the others.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.limits import MOST_BATCH_BYTES, MOST_EVENT_BYTES, TooLargeError
from koala_middleware.inspector.messages import BATCHES, TYPES, parse_upload
from koala_middleware.inspector.server.bodies import read_body
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore

_log = logging.getLogger("koala_middleware.inspector")


def tracking_routes(store: EventStore, feed: Feed, forwarder: Forwarder | None) -> list[Route]:
    """Return the routes; what they answer 200 to is stored, and queued to be forwarded."""

    def take(kind: str, body: bytes, authorization: str | None) -> None:
        upload = parse_upload(kind, body, authorization)
        store.add(upload.messages, upload.write_key)
        if forwarder is not None:
            forwarder.put(f"/v1/{kind}", upload, authorization)

    def endpoint(kind: str) -> Callable[[Request], object]:
        most = MOST_BATCH_BYTES if kind in BATCHES else MOST_EVENT_BYTES

        async def upload(request: Request) -> JSONResponse:
            authorization = request.headers.get("authorization")
            try:
                body = await read_body(request, most)
                await run_in_threadpool(take, kind, body, authorization)
            except TooLargeError as fault:
                return _refusal(400, "too_large", str(fault))
            except ValueError as fault:
                return _refusal(400, "malformed", str(fault))
            except sqlite3.Error as fault:
                _log.error("cannot store events in %s: %s", store.path, fault)
                return _refusal(503, "unavailable", "the events could not be stored; try again")
            feed.wake()
            return JSONResponse({"success": True})

        return upload

    return [Route(f"/v1/{kind}", endpoint(kind), methods=["POST"]) for kind in (*BATCHES, *TYPES)]


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    # The SDK logs the code and the message of an answer of this form.
    return JSONResponse({"success": False, "code": code, "message": message}, status)
