"""Mangum, which runs ASGI applications in AWS Lambda."""

from __future__ import annotations

import asyncio
from typing import Any

import koala_middleware as koala
from koala_middleware.asgi import KoalaMiddleware
from tests.contrib.test_aws_lambda import REQUESTS, Event, Events
from tests.missing import needed
from tests.visitors import ALICE, profile_ids, track


@REQUESTS
def test_mangum(event: Event, events: Events) -> None:
    """It makes an ASGI scope of an event by itself."""
    mangum = needed("mangum")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        track("handled")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        handle = koala.delivering()(mangum.Mangum(KoalaMiddleware(app), lifespan="off"))
        assert handle({"body": "", "isBase64Encoded": False, **event}, {})["statusCode"] == 200
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert profile_ids(events) == {"handled": ALICE}
