from __future__ import annotations

import csv
import io
import json
import socket
import time
from contextlib import closing
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from koala_middleware.inspector import koala_request
from koala_middleware.inspector.destination import Dropped
from koala_middleware.inspector.server.app import make_app
from koala_middleware.inspector.server.feed import Feed
from tests.inspecting import AT, Inspector, track
from tests.visitors import ALICE, BOB


def names(answer: Any) -> list[str]:
    return [event["event"] for event in answer["events"]]


def test_an_event_comes_with_its_verdict_and_what_koala_would_get(inspector: Inspector) -> None:
    properties = {"plan": "team", "email": "a@example.com", "profile_id": ALICE}
    context = {"ip": "203.0.113.7", "library": {"name": "analytics-python"}}
    sent = track("Upgraded", properties=properties, context=context, anonymousId=ALICE)
    inspector.send(sent, track("Lost"))
    lost, upgraded = inspector.ask("GET", "/api/events").json["events"]
    assert upgraded["message"] == sent
    assert upgraded["verdict"] == "accepted"
    assert upgraded["koala_request"]["profile_id"] == ALICE
    assert (upgraded["added"], upgraded["remedy"]) == (None, None)
    dropped = koala_request(lost["message"])
    assert isinstance(dropped, Dropped)
    assert (lost["verdict"], lost["reason"], lost["hint"]) == (
        "dropped",
        dropped.reason,
        dropped.hint,
    )
    assert (lost["koala_request"], lost["cause"]) == (None, "unknown")
    assert lost["remedy"]["title"] == "Cause unknown"
    assert inspector.ask("GET", f"/api/events/{lost['id']}").json.items() >= lost.items()


def test_an_event_that_segment_refuses_has_a_verdict_of_its_own(inspector: Inspector) -> None:
    """Even one that Koala would have taken: in the list, the totals, the filter, the detail."""
    known = {"properties": {"profile_id": ALICE}}
    inspector.send(
        track("a", userId=None, **known),
        track("b", event=7, userId="", **known),
        track("m" * 100, **known),
        {"type": "trak", "userId": "u"},
        track("accepted", **known),
    )
    listed = inspector.ask("GET", "/api/events?verdict=refused").json["events"]
    assert [(event["reason"], event["hint"]) for event in listed] == [
        (
            "the type is not one of Segment's",
            "use one of track, identify, page, screen, group, alias",
        ),
        ("the messageId is too long", "use fewer than 100 characters"),
        (
            "neither userId nor anonymousId; the event has no name",
            "pass user_id or anonymous_id; pass its name to track(), as a string",
        ),
        ("neither userId nor anonymousId", "pass user_id or anonymous_id"),
    ]
    assert [event["koala_request"] for event in listed] == [None] * 4
    stats = inspector.ask("GET", "/api/stats").json
    assert (stats["accepted"], stats["dropped"], stats["refused"]) == (1, 0, 4)
    assert stats["series"]["steps"][-1]["refused"] == 4
    assert {issue["verdict"] for issue in stats["issues"]} == {"refused"}


def test_a_list_may_come_without_details(inspector: Inspector) -> None:
    inspector.send(track("e"))
    (event,) = inspector.ask("GET", "/api/events?details=0").json["events"]
    assert "message" not in event
    assert event["event"] == "e"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["d", "c", "b", "a"]),
        ("limit=2", ["d", "c"]),
        ("verdict=accepted", ["c", "a"]),
        ("verdict=dropped&limit=1", ["d"]),
        (f"profile_id={BOB}", ["c"]),
        ("text=team", ["b"]),
        ("verdict=&profile_id=&text=&limit=&after=", ["d", "c", "b", "a"]),
    ],
)
def test_a_query_chooses(inspector: Inspector, query: str, found: list[str]) -> None:
    inspector.send(
        track("a", properties={"profile_id": ALICE}),
        track("b", properties={"plan": "team"}),
        track("c", properties={"profile_id": BOB}),
        track("d"),
    )
    assert names(inspector.ask("GET", f"/api/events?{query}").json) == found
    assert (
        inspector.ask("GET", f"/api/stats?{query}").json["chosen"] == len(found) or "limit" in query
    )


def test_after_and_before_page(inspector: Inspector) -> None:
    inspector.send(*map(track, "abcde"))
    first, *_, last = inspector.ask("GET", "/api/events").json["events"][::-1]
    assert names(inspector.ask("GET", f"/api/events?after={first['id']}&limit=2").json) == [
        "b",
        "c",
    ]
    assert names(inspector.ask("GET", f"/api/events?before={last['id']}&limit=2").json) == [
        "d",
        "c",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/api/events?limit=0", "limit: expected a whole number from 1 to 1000"),
        ("/api/events?limit=1001", "limit: expected a whole number from 1 to 1000"),
        ("/api/events?limit=٣", "limit: expected a whole number from 1 to 1000"),
        ("/api/events?after=-1", "after: expected a whole number from 0 to 9223372036854775807"),
        ("/api/events?before=9223372036854775808", "before: expected a whole number from 0"),
        (f"/api/events?before={'9' * 5000}", "before: expected a whole number from 0"),
        ("/api/events?verdict=maybe", "verdict: expected one of accepted, dropped, ignored"),
        (f"/api/events?text={'x' * 1001}", "text: expected at most 1000 characters"),
        (f"/api/events?q={'x' * 4001}", "q: expected at most 4000 characters"),
        ("/api/events?details=2", "details: expected a whole number from 0 to 1"),
        ("/api/events/one", "number: expected a whole number from 0"),
        ("/api/stats?seconds=0", "seconds: expected a whole number from 1 to 2678400"),
        ("/api/stats?steps=501", "steps: expected a whole number from 1 to 500"),
        ("/api/stats?by=name", "by: expected received_at or timestamp"),
        ("/api/stream?after=x", "after: expected a whole number"),
        ("/api/events.ndjson?verdict=x", "verdict: expected one of"),
    ],
)
def test_a_wrong_query_is_refused_and_told_why(
    inspector: Inspector, path: str, message: str
) -> None:
    answer = inspector.ask("GET", path.encode().decode("latin-1").replace("Ù£", "%D9%A3"))
    assert (answer.status, answer.json["code"]) == (400, "400")
    assert answer.json["message"].startswith(message)


def test_an_event_that_is_not_there_is_told(inspector: Inspector) -> None:
    answer = inspector.ask("GET", "/api/events/999999999")
    assert (answer.status, answer.json["message"]) == (
        404,
        "there is no such event; was it cleared?",
    )


def test_clear_forgets_all(inspector: Inspector) -> None:
    inspector.send(track("a"), track("b"))
    assert inspector.ask("DELETE", "/api/events").json == {"cleared": 2}
    assert inspector.ask("GET", "/api/events").json == {"events": []}


def test_the_export_has_the_messages_oldest_first(inspector: Inspector) -> None:
    """In more than one piece, and as ``koala-middleware check`` takes them."""
    sent = [track(f"e{number}") for number in range(1500)]
    inspector.send(*sent[:1000])
    inspector.send(*sent[1000:])
    answer = inspector.ask("GET", "/api/events.ndjson")
    assert [json.loads(line) for line in answer.text.splitlines()] == sent
    assert answer.headers["content-disposition"] == 'attachment; filename="events.ndjson"'
    assert inspector.ask("GET", "/api/events.ndjson?verdict=accepted").text == ""


def test_stats_count_and_have_a_series(inspector: Inspector) -> None:
    inspector.send(track("a", properties={"profile_id": ALICE}), track("b"))
    stats = inspector.ask("GET", "/api/stats?seconds=600&steps=10&verdict=accepted").json
    assert (stats["total"], stats["accepted"], stats["dropped"], stats["visitors"]) == (2, 1, 1, 1)
    assert (stats["chosen"], stats["forward"]) == (1, None)
    series = stats["series"]
    assert (series["seconds"], len(series["steps"])) == (60, 10)
    assert sum(step["accepted"] + step["dropped"] for step in series["steps"]) == 2
    last = series["steps"][-1]["time"]
    assert last % 60 == 0
    assert last <= time.time() < last + 61


def test_stats_count_by_the_events_own_time(inspector: Inspector) -> None:
    now = datetime.now(timezone.utc).isoformat()
    inspector.send(
        track("a"), track("b", timestamp="2020-01-01T00:00:00Z"), track("c", timestamp=now)
    )
    counted = inspector.ask("GET", "/api/stats?by=timestamp").json["series"]["steps"]
    assert sum(step["dropped"] for step in counted) == 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8765", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("10.1.2.3:8765", 200),
        ("[::1]:8765", 200),
        ("inspector:8765", 200),
        ("evil.example", 403),
        ("evil.example:8765", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("localhost.evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_a_known_host_or_an_address_is_served(
    inspector: Inspector, host: str, status: int
) -> None:
    """A site whose name is made to resolve to this machine sends its name: DNS rebinding."""
    for path in ("/", "/api/events", "/static/page.html", "/v1/batch"):
        assert inspector.ask("GET", path, Host=host).status in (status, 405 if status == 200 else 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="no browser"),
        pytest.param({"Sec_Fetch_Site": "same-origin"}, 200, id="our page"),
        pytest.param({"Sec_Fetch_Site": "none"}, 200, id="typed by hand"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec_Fetch_Site": "same-site"}, 403, id="another port"),
        pytest.param({"Origin": "http://evil.example"}, 403, id="another origin"),
        pytest.param({"Origin": "http://localhost:1"}, 403, id="another port's origin"),
        pytest.param({"Origin": "null"}, 403, id="no origin of its own"),
        pytest.param({"Origin": "http://["}, 403, id="no origin at all"),
        pytest.param({"Origin": "http://localhost:8765"}, 200, id="our origin"),
    ],
)
def test_another_site_s_page_changes_nothing(
    inspector: Inspector, headers: dict[str, str], status: int
) -> None:
    inspector.send(track("a"))
    for method, path, expected in (
        ("POST", "/v1/track", status),
        ("DELETE", "/api/events", status),
        ("GET", "/api/events", 200),
    ):
        body = b"{}" if method == "POST" else None
        answer = inspector.ask(method, path, body, Host="localhost:8765", **headers)
        assert answer.status == expected
    assert len(inspector.messages()) == (1 if status == 403 else 0)


def test_what_is_served_is_for_our_own_page_alone(inspector: Inspector) -> None:
    for path in ("/", "/api/events", "/static/page.html", "/nothing"):
        headers = inspector.ask("GET", path).headers
        assert headers["cache-control"] == "no-cache"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    policy = inspector.ask("GET", "/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_idle_connections_do_not_keep_events_away(inspector: Inspector) -> None:
    """A connection that says nothing costs no thread."""
    address = urlsplit(inspector.url)
    idle = [socket.create_connection((address.hostname, address.port)) for _ in range(200)]
    assert inspector.send(track("a")).status == 200
    for each in idle:
        with closing(each):
            pass


def test_another_server_may_start_it(inspector: Inspector) -> None:
    """One that has a lifespan, which has no Host."""
    with TestClient(make_app(inspector.store, Feed()), base_url="http://localhost") as client:
        assert client.get("/api/events").json() == {"events": []}


def test_csv_has_what_its_filter_chooses(inspector: Inspector) -> None:
    """And no cell that a spreadsheet would take for a formula."""
    inspector.send(track("=1+1", userId="a, b"), track("\ud800é"), track("c", userId="other"))
    answer = inspector.ask("GET", "/api/events.csv?q=verdict:dropped+user:u")
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["event"], row["cause"], row["timestamp"]) == ("\\ud800é", "unknown", AT)
    rows = list(csv.DictReader(io.StringIO(inspector.ask("GET", "/api/events.csv").text)))
    assert (rows[0]["event"], rows[0]["user_id"]) == ("'=1+1", "a, b")
    assert len(rows) == 3


def test_search_for_a_person_finds_any_of_its_ids(inspector: Inspector) -> None:
    inspector.send(
        track("a", userId="p"),
        track("b", anonymousId="p"),
        track("c", properties={"email": "p"}),
        track("d", properties={"profile_id": "p"}),
        track("e"),
    )
    assert names(inspector.ask("GET", "/api/events?q=person:p").json) == ["d", "c", "b", "a"]
