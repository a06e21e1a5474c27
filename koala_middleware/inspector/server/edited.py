"""Take an event that somebody edited on the page: it is judged and listed, never forwarded."""

from __future__ import annotations

from ipaddress import ip_address
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from koala_middleware.inspector.json_text import compact, parse_object
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.messages import parse_upload
from koala_middleware.inspector.server.bodies import read_body
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore

_MARK = "edited-"  # begins its messageId, by which the page marks it


def edited_route(store: EventStore, feed: Feed) -> Route:
    """Return the route, which answers with the number that the event is listed by."""

    def take(body: bytes) -> int:
        message = {**parse_object(body), "messageId": f"{_MARK}{uuid4()}"}
        upload = parse_upload("batch", compact({"batch": [message]}).encode(), None)
        store.add(upload.messages)
        return store.number_of(message["messageId"])

    async def edited(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            raise HTTPException(403, "only a browser on the inspector's own machine may do this")
        body, size = await read_body(request, MOST_EVENT_BYTES)
        if size > MOST_EVENT_BYTES:
            raise HTTPException(400, f"an event may have {MOST_EVENT_BYTES} bytes")
        try:
            number = await run_in_threadpool(take, body)
        except ValueError as fault:
            raise HTTPException(400, str(fault)) from None
        feed.wake()
        return JSONResponse({"id": number})

    return Route("/api/edited", edited, methods=["POST"])
