"""What an event has for Segment's destinations, and what it says of consent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from koala_middleware.inspector.matching import matching
from tests.inspecting import inspecting

Found = dict[str, Any]
FACEBOOK, SNAP = "Facebook Conversions API (Actions)", "Snap Conversions Api"
EVENT: Found = {
    "type": "track",
    "event": "E",
    "userId": "u1",
    "messageId": "m1",
    "timestamp": "2026-11-23T12:00:00Z",
    "properties": {"fbp": "fb.1.1.1", "fbc": None, "ga_client_id": "1.2"},
    "integrations": {SNAP: {"uuid_c1": "s"}},
    "context": {"consent": {"categoryPreferences": {"C0001": True}}},
}


def found(message: Found) -> dict[str, Found]:
    return {each["name"]: each for each in matching(message)["destinations"]}


def there(message: Found, name: str) -> dict[str, bool]:
    ids = found(message)[name]["ids"]
    return {each["path"].rpartition(".")[2]: each["is_there"] for each in ids}


def test_an_event_is_matched_with_the_table_of_presets() -> None:
    assert there(EVENT, FACEBOOK) == {"fbp": True, "fbc": False}
    assert there(EVENT, SNAP) == {"uuid_c1": True, "click_id": False}
    (client, session) = found(EVENT)["Google Analytics 4 Cloud"]["ids"]
    assert client == {
        "path": "properties.ga_client_id",
        "is_there": True,
        "is_mapped_by_hand": True,
    }
    assert not session["is_there"]
    assert matching(EVENT)["consent"] == {"C0001": True}


def test_identify_has_its_ids_in_traits() -> None:
    message = {"type": "identify", "traits": {"profile_id": "p", "fbp": "f"}}
    assert there(message, "Koala (Cloud)") == {"profile_id": True}
    assert FACEBOOK not in found(message)
    assert matching(message)["consent"] is None


@pytest.mark.parametrize(
    ("integrations", "is_excluded"),
    [
        (None, False),
        ({}, False),
        ({"All": False}, True),
        ({SNAP: False}, True),
        ({"All": False, SNAP: True}, False),
        ("x", False),
    ],
)
def test_a_destination_may_be_excluded(integrations: Any, is_excluded: bool) -> None:
    assert found({**EVENT, "integrations": integrations})[SNAP]["is_excluded"] is is_excluded


@pytest.mark.parametrize("value", [None, 5, "x", [], {"a": 1}])
def test_whatever_is_sent_is_matched(value: Any) -> None:
    message = {"type": value, "properties": value, "integrations": value, "context": value}
    assert not any(each["is_there"] for d in found(message).values() for each in d["ids"])


def test_one_event_comes_with_what_it_matches(tmp_path: Path) -> None:
    with inspecting(tmp_path / "x.db", names=("inspector",)) as inspector:
        inspector.send(EVENT)
        (row,) = inspector.ask("GET", "/api/events").json["events"]
        answer = inspector.ask("GET", f"/api/events/{row['id']}").json
    assert answer == {**row, "matching": matching(EVENT)}
