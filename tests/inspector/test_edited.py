"""An event that was edited on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.server.app import make_app
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.storage.event_store import EventStore
from tests.inspecting import Inspector, inspecting
from tests.visitors import ALICE

EVENT = {"type": "track", "userId": "u", "event": "Signed Up", "messageId": "m1"}


@pytest.fixture
def inspector(tmp_path: Path) -> Iterator[Inspector]:
    with inspecting(tmp_path / "x.db", forward="http://127.0.0.1:9") as inspector:
        yield inspector


def edit(inspector: Inspector, event: object) -> int:
    answer = inspector.ask("POST", "/api/edited", json.dumps(event).encode())
    assert answer.status == 200, answer.text
    number: int = answer.json["id"]
    return number


def test_edited_event_is_judged_marked_and_not_forwarded(inspector: Inspector) -> None:
    """As a new one, beside the event that it was."""
    inspector.send(EVENT)
    assert inspector.forwarder is not None
    pending = inspector.forwarder.stats()["pending"]
    number = edit(inspector, {**EVENT, "properties": {"profile_id": ALICE}})
    edited, first = inspector.ask("GET", "/api/events").json["events"]
    assert (edited["id"], edited["verdict"], first["verdict"]) == (number, "accepted", "dropped")
    assert edited["message_id"].startswith("edited-")
    assert edited["timestamp"] is not None
    assert inspector.forwarder.stats()["pending"] == pending


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "expected a JSON object, got list"),
        (b"{", "not JSON"),
        (json.dumps({**EVENT, "note": "x" * MOST_EVENT_BYTES}).encode(), "an event may have"),
    ],
)
def test_what_is_not_an_event_is_refused(inspector: Inspector, body: bytes, message: str) -> None:
    """In its form, not by a row in the list."""
    answer = inspector.ask("POST", "/api/edited", body)
    assert answer.status == 400
    assert message in answer.json["message"]
    assert inspector.ask("GET", "/api/events").json["events"] == []


def test_only_the_inspector_s_own_machine_edits(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "x.db")
    app = make_app(store, Feed())

    async def of_another(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("192.0.2.7", 4711)}, receive, send)

    client = TestClient(of_another, base_url="http://127.0.0.1")
    assert client.post("/api/edited", json=EVENT).status_code == 403
    assert store.newest() == 0
    store.close()
