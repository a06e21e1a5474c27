"""What Segment's HTTP API makes of a request: messages, as it passes them to destinations."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import uuid4

from koala_middleware.inspector.explanation import without_explanation
from koala_middleware.inspector.json_text import compact, parse_object
from koala_middleware.inspector.limits import (
    LONGEST_MESSAGE_ID,
    LONGEST_WRITE_KEY,
    MOST_BATCH_EVENTS,
    MOST_EVENT_BYTES,
    TooLargeError,
)

BATCHES = ("batch", "import")
TYPES = ("track", "identify", "page", "screen", "group", "alias")


class Upload(NamedTuple):
    """The completed messages of a request, and the body to pass on to Segment.

    The body has no write keys, and nothing that explains an event.
    """

    messages: list[dict[str, Any]]
    body: dict[str, Any]
    write_key: str | None


def parse_upload(kind: str, text: bytes, authorization: str | None) -> Upload:
    """Return what was uploaded to ``/v1/<kind>``.

    Raises TooLargeError or ValueError, as Segment answers 400. Segment takes a batch of more than
    2,500 events with a 200 and then rejects it; to be seen it is refused here.
    """
    body = parse_object(text)
    write_key = body.pop("writeKey", None)
    if not isinstance(write_key, str):
        write_key = _basic_user(authorization)
    if write_key is not None and len(write_key) > LONGEST_WRITE_KEY:
        raise ValueError(f"writeKey: expected at most {LONGEST_WRITE_KEY} characters")
    if kind in BATCHES:
        events = body.get("batch")
        if not isinstance(events, list):
            raise ValueError('expected {"batch": [an event, …], …}')
        if len(events) > MOST_BATCH_EVENTS:
            raise TooLargeError(f"a batch may have {MOST_BATCH_EVENTS} events, not {len(events)}")
        messages = [_batched(position, event) for position, event in enumerate(events)]
        body["batch"] = [without_explanation(event)[0] for event in messages]
    else:
        messages = [{**body, "type": kind}]
        body = dict(without_explanation(body)[0])
    received_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
    return Upload([_completed(each, received_at) for each in messages], body, write_key)


def _batched(position: int, event: object) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise ValueError(f"batch[{position}]: expected an object, got {type(event).__name__}")
    event.pop("writeKey", None)
    if len(compact(without_explanation(event)[0]).encode()) > MOST_EVENT_BYTES:
        raise TooLargeError(f"batch[{position}]: an event may have {MOST_EVENT_BYTES} bytes")
    return event


def _completed(message: dict[str, Any], received_at: str) -> dict[str, Any]:
    """Return a message with what Segment adds if it is missing."""
    message_id = message.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        message = {**message, "messageId": str(uuid4())}
    if message.get("timestamp") is None:
        message = {**message, "timestamp": received_at}
    return message


def segment_problems(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return why Segment discards a message, although it answers 200, with hints.

    https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#errors
    """
    problems = []
    if message.get("type") not in TYPES:
        problems.append(("the type is not one of Segment's", f"use one of {', '.join(TYPES)}"))
    if not message.get("userId") and not message.get("anonymousId"):
        problems.append(("neither userId nor anonymousId", "pass user_id or anonymous_id"))
    if message.get("type") == "track" and not isinstance(message.get("event"), str):
        problems.append(("the event has no name", "pass its name to track(), as a string"))
    if len(str(message.get("messageId"))) >= LONGEST_MESSAGE_ID:
        problems.append(
            ("the messageId is too long", f"use fewer than {LONGEST_MESSAGE_ID} characters")
        )
    return problems


def _basic_user(authorization: str | None) -> str | None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, _ = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user or None
