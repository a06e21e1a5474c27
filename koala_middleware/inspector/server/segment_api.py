"""Segment's HTTP API: ``POST /v1/batch``, ``/v1/track`` and the others.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.limits import MOST_BATCH_BYTES, MOST_EVENT_BYTES, TooLargeError
from koala_middleware.inspector.messages import BATCHES, TYPES, parse_upload
from koala_middleware.inspector.refusals import LoopError, RefusedUpload, refused_upload
from koala_middleware.inspector.server.bodies import expand, read_body
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore

_log = logging.getLogger("koala_middleware.inspector")


def segment_routes(store: EventStore, feed: Feed, forwarder: Forwarder | None) -> list[Route]:
    """Return the routes; what they answer 200 to is stored, and queued to be forwarded."""

    def take(kind: str, body: bytes, authorization: str | None, via: str) -> None:
        upload = parse_upload(kind, body, authorization)
        hops = forwarder.hops(via) if forwarder is not None else ""
        store.add(upload.messages, upload.write_key)
        if forwarder is not None:
            forwarder.put(f"/v1/{kind}", upload, authorization, hops)

    def refuse(refused: RefusedUpload) -> Response:
        _log.warning("refused %s, %s: %s", refused.path, refused.size, refused.message)
        store.add_refusal(refused)
        return _refusal(400, refused.code, refused.message)

    async def receive(kind: str, request: Request) -> Response:
        most = MOST_BATCH_BYTES if kind in BATCHES else MOST_EVENT_BYTES
        headers = request.headers
        body, size = await read_body(request, most)
        try:
            body = expand(body, headers.get("content-encoding", "identity").lower(), most)
            if max(size, len(body)) > most:
                raise TooLargeError(f"this request may have {most} bytes, it has more")
            via = ", ".join(headers.getlist("via"))
            await run_in_threadpool(take, kind, body, headers.get("authorization"), via)
        except ValueError as fault:
            refused = refused_upload(f"/v1/{kind}", _code(fault), str(fault), size, body)
            return await run_in_threadpool(refuse, refused)
        return JSONResponse({"success": True})

    def endpoint(kind: str) -> Callable[[Request], object]:
        async def upload(request: Request) -> Response:
            try:
                response = await receive(kind, request)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            except sqlite3.Error as fault:
                _log.error("cannot store events in %s: %s", store.path, fault)
                return _refusal(503, "unavailable", "the events could not be stored; try again")
            feed.wake()
            return response

        return upload

    return [Route(f"/v1/{kind}", endpoint(kind), methods=["POST"]) for kind in (*BATCHES, *TYPES)]


def _code(fault: ValueError) -> str:
    if isinstance(fault, LoopError):
        return "loop"
    return "too_large" if isinstance(fault, TooLargeError) else "malformed"


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    # The SDK logs the code and the message of an answer of this form.
    return JSONResponse({"success": False, "code": code, "message": message}, status)
