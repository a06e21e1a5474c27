from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from koala_middleware.inspector.storage.database import ForeignFileError
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from koala_middleware.inspector.storage.overview import Series
from tests.visitors import ALICE, BOB

SECOND = Series(0, 1, 1)


def event(number: int, **values: Any) -> dict[str, Any]:
    at = "2026-11-23T12:00:00Z"
    return {
        "type": "track",
        "event": f"e{number}",
        "messageId": f"m{number}",
        "timestamp": at,
        "userId": "u",
    } | values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "inspector.db"


@pytest.fixture
def store(path: Path) -> Iterator[EventStore]:
    with closing(EventStore(path, keep=100)) as store:
        yield store


def names(store: EventStore, limit: int = 100, **chosen: Any) -> list[str]:
    return [row["event"] for row in store.rows(Filter(**chosen), limit)]


def test_the_file_and_its_folder_are_for_their_owner_alone(store: EventStore, path: Path) -> None:
    """Events have emails in them."""
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_was_open_to_others_is_not_any_more(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch(mode=0o644)
    with closing(EventStore(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_connection_sees_what_was_added(store: EventStore, path: Path) -> None:
    assert store.add([event(1), event(2)], "abcdefghijklmnop") == 2
    with closing(EventStore(path)) as other:
        assert names(other) == ["e2", "e1"]


def test_a_row_tells_what_the_message_says(store: EventStore) -> None:
    properties = {"profile_id": ALICE, "email": "a@example.com"}
    store.add([event(1, userId="u", anonymousId="a", properties=properties)])
    (row,) = store.rows(Filter(), 9)
    assert row.pop("received_at") > 0
    assert row == {
        "id": 1,
        "message_id": "m1",
        "write_key": None,
        "type": "track",
        "event": "e1",
        "user_id": "u",
        "anonymous_id": "a",
        "profile_id": ALICE,
        "email": "a@example.com",
        "verdict": "accepted",
        "reason": None,
        "hint": None,
        "cause": None,
        "call": None,
        "request": None,
        "koala_version": None,
        "preview": None,
        "timestamp": 1795435200,
    }


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            {"type": "identify", "traits": {"profile_id": ALICE}},
            {"profile_id": ALICE, "event": None},
        ),
        ({"type": "page", "name": "Home"}, {"event": "Home", "reason": "not subscribed"}),
        ({"type": "page", "properties": {"email": "e"}}, {"email": "e"}),
        ({"event": ["a"], "properties": "b"}, {"event": "(list)", "profile_id": None}),
        ({"properties": {"profile_id": 7}}, {"profile_id": "7"}),
        ({"type": {}, "userId": True}, {"type": "(dict)", "user_id": "True"}),
        ({"properties": {}}, {"verdict": "dropped", "reason": "no profile id and no email"}),
    ],
)
def test_an_odd_message_has_a_row(
    store: EventStore, message: dict[str, Any], shown: dict[str, Any]
) -> None:
    store.add([event(1, **message)])
    (row,) = store.rows(Filter(), 9)
    assert {name: row[name] for name in shown} == shown


def test_the_newest_come_first_and_after_one_the_oldest(store: EventStore) -> None:
    """Who follows asks after the last one that it has seen, and misses none."""
    store.add(event(number) for number in range(1, 6))
    assert names(store) == ["e5", "e4", "e3", "e2", "e1"]
    assert names(store, limit=2) == ["e5", "e4"]
    assert names(store, limit=2, before=4) == ["e3", "e2"]
    assert names(store, limit=2, after=1) == ["e2", "e3"]
    assert names(store, after=1, before=4) == ["e2", "e3"]
    assert names(store, after=5) == []
    assert store.newest() == 5


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"verdict": "accepted"}, ["e2", "e1"]),
        ({"verdict": "dropped"}, ["e3"]),
        ({"profile_id": BOB}, ["e2"]),
        ({"profile_id": BOB, "verdict": "dropped"}, []),
        ({"text": "pRo pLaN"}, ["e1"]),
        ({"text": BOB}, ["e2"]),
        ({"text": "100%"}, ["e1"]),
        ({"text": "P%n"}, []),
        ({"text": "_"}, ["e2", "e1"]),
        ({"text": "P_o"}, []),
        ({"text": "\\"}, ["e3"]),
        ({"text": 'say "hi"'}, ["e3"]),
        ({"text": "é"}, ["e3"]),
        ({"text": "", "verdict": ""}, ["e3", "e2", "e1"]),
        ({"text": "' OR 1 --"}, []),
        ({"q": "PRO 100%"}, ["e1"]),
        ({"q": "100% pro"}, ["e1"]),
        ({"q": "pro nobody"}, []),
        ({"q": '"Pro Plan"'}, ["e1"]),
        ({"q": '"pro plan"'}, []),
        ({"q": "CAFÉ"}, ["e3"]),
        ({"q": "cafe"}, ["e3"]),
        ({"q": '"cafe"'}, []),
        ({"q": "event:e1"}, ["e1"]),
        ({"q": "event:e* verdict:accepted"}, ["e2", "e1"]),
        ({"q": "event:*_* type:track"}, []),
        ({"q": f"profile:{BOB} user:u"}, ["e2"]),
        ({"q": 'properties.plan:"Pro Plan 100%"'}, ["e1"]),
        ({"q": "properties.seats:8"}, ["e2"]),
        ({"q": r'properties.text:"é \\ café say \"hi\""'}, ["e3"]),
        ({"q": "since:1h"}, ["e3", "e2", "e1"]),
        ({"q": "until:1h"}, []),
        ({"q": "since:2999-01-01T00:00:00Z"}, []),
        ({"q": "until:2999-01-01"}, ["e3", "e2", "e1"]),
        ({"q": "since:yesterday"}, []),
        ({"q": "plan:Pro"}, []),
        ({"q": "cause:unknown", "verdict": "dropped"}, ["e3"]),
        ({"q": "' OR 1 --"}, []),
        ({"q": 'event:"'}, []),
    ],
)
def test_a_filter_chooses(store: EventStore, chosen: dict[str, Any], found: list[str]) -> None:
    store.add(
        [
            event(1, properties={"profile_id": ALICE, "plan": "Pro Plan 100%"}),
            event(2, properties={"profile_id": BOB, "seats": 8}),
            event(3, properties={"text": 'é \\ café say "hi"'}),
        ]
    )
    assert names(store, **chosen) == found
    assert store.count(Filter(**chosen)) == len(found)


def test_a_message_id_is_stored_once_as_it_came_first(store: EventStore) -> None:
    assert store.add([event(1), event(1, event="again"), event(2)]) == 2
    assert store.add([event(2), event(3)]) == 1
    assert names(store) == ["e3", "e2", "e1"]


def test_the_newest_are_kept(path: Path) -> None:
    with closing(EventStore(path, keep=3)) as store:
        store.add(event(number) for number in range(5))
        store.add([event(5)])
        assert names(store) == ["e5", "e4", "e3"]
        assert store.newest() == 6


def test_what_is_cleared_is_gone_and_no_number_comes_again(store: EventStore) -> None:
    """Who follows would take a new event for one that it has seen."""
    assert store.newest() == 0
    store.add([event(1), event(2)])
    assert store.clear() == 2
    assert (names(store), store.newest(), store.clearings) == ([], 2, 1)
    store.add([event(1)])
    assert store.newest() == 3


def test_totals_count_verdicts_and_visitors(store: EventStore) -> None:
    store.add(event(number, properties={"profile_id": ALICE}) for number in range(3))
    store.add([event(3, properties={"profile_id": BOB}), event(4), event(5), event(6, type="page")])
    found = store.overview(Filter(), SECOND)
    counts = {name: found[name] for name in ("total", "accepted", "dropped", "ignored", "visitors")}
    assert counts == {"total": 7, "accepted": 4, "dropped": 2, "ignored": 1, "visitors": 2}


def test_issues_are_counted_by_cause_event_and_call(store: EventStore) -> None:
    """The most frequent first, with the newest event's time; what Koala never takes is none."""

    def lost(number: int, cause: str, call: str) -> dict[str, Any]:
        return event(number, event="Lost", context={"koala": {"cause": cause, "call": call}})

    store.add([lost(1, "no_cookie", "a.py:1"), lost(2, "no_cookie", "b.py:2")])
    store.add([lost(3, "no_cookie", "b.py:2"), lost(4, "refused", "b.py:2"), event(5, type="page")])
    issues = store.overview(Filter(), SECOND)["issues"]
    assert [(each["cause"], each["call"], each["count"], each["newest"]) for each in issues] == [
        ("no_cookie", "b.py:2", 2, 3),
        ("refused", "b.py:2", 1, 4),
        ("no_cookie", "a.py:1", 1, 1),
    ]
    assert issues[0]["last_seen"] == store.rows(Filter(after=2), 1)[0]["received_at"]
    chosen = store.overview(Filter(q="cause:refused"), SECOND)
    assert [each["cause"] for each in chosen["issues"]] == ["refused"]
    assert (chosen["total"], chosen["dropped"]) == (1, 1)


def test_a_series_counts_by_time(store: EventStore) -> None:
    store.add([event(1), event(2, properties={"profile_id": ALICE}), event(3)])
    at = store.rows(Filter(), 1)[0]["received_at"]

    def series(start: float, width: float, count: int) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = store.overview(Filter(), Series(start, width, count))[
            "series"
        ]["steps"]
        return steps

    steps = series(at - 15, 10, 3)
    assert [step["time"] for step in steps] == [at - 15, at - 5, at + 5]
    assert [(step["accepted"], step["dropped"]) for step in steps] == [(0, 0), (1, 2), (0, 0)]
    assert series(at + 5, 10, 1)[0]["dropped"] == 0
    assert series(at - 5, 5, 1)[0]["dropped"] == 0


def test_a_series_counts_by_the_events_own_time(store: EventStore) -> None:
    """Noon of 23 November, whenever they arrive; an event without a time is in no step."""
    store.add([event(1), event(2), event(3, timestamp="yesterday"), event(4, timestamp=5)])
    noon = 1795435200
    found = store.overview(Filter(), Series(noon, 60, 2, "timestamp"))
    assert [step["dropped"] for step in found["series"]["steps"]] == [2, 0]
    assert names(store, q="from:2026-11-23T12:00Z to:2026-11-23T12:01Z") == ["e2", "e1"]
    assert names(store, q="from:2026-11-23T12:01Z") == []


def test_names_are_counted_with_what_reaches_koala(store: EventStore) -> None:
    """The most frequent first; without what Koala never takes."""
    store.add(event(number, event="Seen") for number in range(3))
    store.add([event(3, event="Seen", properties={"profile_id": ALICE})])
    store.add([event(4, type="identify", event=None), event(5, type="page")])
    assert store.overview(Filter(), SECOND)["names"] == [
        {"type": "track", "event": "Seen", "count": 4, "accepted": 1},
        {"type": "identify", "event": None, "count": 1, "accepted": 0},
    ]
    assert store.overview(Filter(q="type:identify"), SECOND)["names"][0]["count"] == 1


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as app:
        app.execute("CREATE TABLE users (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(ForeignFileError, match="choose another with --db"):
        EventStore(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        EventStore(path)
    assert path.read_text() == "notes " * 1000
