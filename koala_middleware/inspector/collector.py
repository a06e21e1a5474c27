"""Take the batches that Segment's SDKs send: ``POST /v1/batch`` of Segment's HTTP API."""

from __future__ import annotations

import json
import math
import zlib
from collections import deque
from collections.abc import Iterable
from threading import Lock
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
# in units of 1024 bytes, as the SDK counts them: its batches may have up to 507,768 bytes.
MOST_BATCH_BYTES = 500 << 10
MOST_EVENT_BYTES = 32 << 10

_GZIP = 16 + zlib.MAX_WBITS


class EventStore:
    """Keep the newest events, in memory, for any thread."""

    def __init__(self, most: int = 1000) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=most)
        self._lock = Lock()

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        with self._lock:
            self._events.extend(events)

    def all(self) -> list[dict[str, Any]]:
        """Return the events, oldest first."""
        with self._lock:
            return list(self._events)


def routes(store: EventStore) -> list[Route]:
    """Return the routes of a Starlette application that puts what it is sent into ``store``.

    Of a batch only its events are kept, never the write key.
    """

    async def batch(request: Request) -> JSONResponse:
        try:
            events = _events(await _body(request))
        except (ValueError, RecursionError) as malformed:
            deep = isinstance(malformed, RecursionError)
            message = "the body is nested too deeply" if deep else str(malformed)
            # The SDK logs the message of an answer of this form.
            return JSONResponse({"code": "malformed", "message": message}, status_code=400)
        store.add(events)
        return JSONResponse({"success": True})

    return [Route("/v1/batch", batch, methods=["POST"])]


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            # What is too long is read to its end, but not kept: a client that is still sending
            # when the connection closes sees a broken pipe instead of our answer.
            body += chunk[: MOST_BATCH_BYTES + 1 - len(body)]
    except ClientDisconnect:
        raise ValueError("the connection broke before the end of the body") from None

    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "gzip":
        body = _expand(body)
    elif encoding != "identity":
        raise ValueError(f"Content-Encoding: expected gzip or none, got {encoding!r}")
    if len(body) > MOST_BATCH_BYTES:
        raise ValueError(f"a batch may have {MOST_BATCH_BYTES} bytes, this one has more")
    return bytes(body)


def _expand(body: bytearray) -> bytearray:
    gunzip = zlib.decompressobj(_GZIP)
    try:
        expanded = bytearray(gunzip.decompress(body, MOST_BATCH_BYTES + 1))
    except zlib.error as error:
        raise ValueError(f"the body is not gzip, as its Content-Encoding says: {error}") from None
    if not gunzip.eof and len(expanded) <= MOST_BATCH_BYTES:
        raise ValueError("the body's gzip data ends early")
    return expanded


def _events(body: bytes) -> list[dict[str, Any]]:
    try:
        batch = json.loads(body, parse_float=_finite, parse_constant=_finite)
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    events = batch.get("batch") if isinstance(batch, dict) else None
    if not isinstance(events, list):
        raise ValueError('expected {"batch": [an event, …], …}')
    for position, event in enumerate(events):
        if not isinstance(event, dict):
            raise ValueError(f"batch[{position}]: expected an object, got {type(event).__name__}")
        if len(_compact(event)) > MOST_EVENT_BYTES:
            raise ValueError(f"batch[{position}]: an event may have {MOST_EVENT_BYTES} bytes")
    return events


def _finite(literal: str) -> float:
    # Python's own NaN and Infinity, and numbers such as 1e999, no browser could read back.
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal[:20]} is no number in JSON")
    return number


def _compact(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
