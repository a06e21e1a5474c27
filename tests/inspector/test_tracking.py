"""Segment's HTTP API, as the inspector speaks it."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import sqlite3
import time
import tracemalloc
from base64 import b64encode
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from segment.analytics.request import APIError, post

from koala_middleware.inspector.limits import MOST_BATCH_BYTES, MOST_BATCH_EVENTS, MOST_EVENT_BYTES
from koala_middleware.inspector.messages import TYPES
from koala_middleware.inspector.storage.event_store import Filter
from tests.inspecting import Inspector, inspecting

ID = {"messageId": "m1", "timestamp": "2026-11-23T12:00:00Z"}
EVENT = {"type": "track", "event": "Signed Up", "properties": {"price": 12.5}, "userId": "u", **ID}
KEY = "abcdefghijklmnop"


def batch(*events: object) -> bytes:
    return json.dumps({"batch": events, "writeKey": KEY}).encode()


@pytest.mark.parametrize("compress", [False, True])
def test_a_batch_from_the_sdk_is_stored(inspector: Inspector, compress: bool) -> None:
    answer = post(KEY, host=inspector.url, gzip=compress, batch=[EVENT])
    assert answer.json() == {"success": True}
    assert inspector.messages() == [EVENT]


@pytest.mark.parametrize("kind", TYPES)
def test_each_call_has_a_path_of_its_own(inspector: Inspector, kind: str) -> None:
    body = {"userId": "u", "type": "something else", "writeKey": KEY, **ID}
    assert inspector.ask("POST", f"/v1/{kind}", json.dumps(body).encode()).status == 200
    assert inspector.messages() == [{"userId": "u", "type": kind, **ID}]


def test_import_is_another_name_of_batch(inspector: Inspector) -> None:
    assert inspector.ask("POST", "/v1/import", batch(EVENT)).json == {"success": True}
    assert inspector.messages() == [EVENT]


def test_what_is_missing_is_added_as_segment_adds_it(inspector: Inspector) -> None:
    """Else a curl command would show drops that Segment's own API does not cause."""
    properties = {"profile_id": "p"}
    body = {"userId": "u", "event": "e", "properties": properties, "messageId": ""}
    inspector.ask("POST", "/v1/track", json.dumps(body).encode())
    inspector.ask("POST", "/v1/track", json.dumps({**body, "timestamp": None}).encode())
    first, second = inspector.messages()
    assert first["messageId"] != second["messageId"]
    for message in (first, second):
        assert len(message["messageId"]) == 36
        sent_at = datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00"))
        assert abs(time.time() - sent_at.timestamp()) < 60
    assert [row["verdict"] for row in inspector.store.rows(Filter(), 9)] == ["accepted"] * 2


@pytest.mark.parametrize(
    ("body", "authorization", "shown"),
    [
        pytest.param({"writeKey": KEY}, None, "abc…", id="in the body"),
        pytest.param({}, f"Basic {b64encode(f'{KEY}:'.encode()).decode()}", "abc…", id="Basic"),
        pytest.param({}, f"basic {b64encode(KEY.encode()).decode()}", "abc…", id="no colon"),
        pytest.param({"writeKey": "short"}, None, "…", id="too short to show three of it"),
        pytest.param({"writeKey": 7}, None, None, id="a number"),
        pytest.param({}, "Basic é", None, id="not Base64"),
        pytest.param({}, "Basic //4=", None, id="not UTF-8"),
        pytest.param({}, "Basic Og==", None, id="empty"),
        pytest.param({}, "Bearer abcdefghijklmnop", None, id="OAuth"),
        pytest.param({}, None, None, id="none"),
    ],
)
def test_a_write_key_is_never_shown_in_full(
    inspector: Inspector, body: dict[str, Any], authorization: str | None, shown: str | None
) -> None:
    """Nor is it on disk, in any file."""
    sent = json.dumps({**body, "userId": "u", "event": "e"}).encode()
    assert inspector.ask("POST", "/v1/track", sent, Authorization=authorization).status == 200
    assert inspector.store.rows(Filter(), 1)[0]["write_key"] == shown
    for file in inspector.store.path.parent.iterdir():
        assert KEY.encode() not in file.read_bytes()


def test_a_write_key_in_an_event_is_not_stored(inspector: Inspector) -> None:
    assert inspector.send({**EVENT, "writeKey": KEY}).status == 200
    assert inspector.messages() == [EVENT]


def test_a_replayed_message_is_stored_once(inspector: Inspector) -> None:
    other = {**EVENT, "messageId": "m2"}
    for events in ([EVENT], [EVENT, other], [other, EVENT]):
        assert inspector.send(*events).status == 200
    assert inspector.messages() == [EVENT, other]


def test_the_sdk_tells_its_user_what_was_malformed(inspector: Inspector) -> None:
    with pytest.raises(APIError, match=r"malformed: batch\[1\]: expected an object, got str"):
        post(KEY, host=inspector.url, batch=[EVENT, "Signed Up"])


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        pytest.param(b"", "identity", "not JSON", id="nothing"),
        pytest.param(b'{"batch": [', "identity", "not JSON", id="cut"),
        pytest.param(b'{"batch": ["\xff"]}', "identity", "not JSON", id="not UTF-8"),
        pytest.param(b'{"batch": [{"a": NaN}]}', "identity", "NaN is not a number", id="NaN"),
        pytest.param(b'{"batch": [{"a": 1e999}]}', "identity", "1e999 is not a number", id="1e999"),
        pytest.param(b"9" * 5000, "identity", "not JSON", id="a number of 5000 digits"),
        pytest.param(b"[" * 200_000, "identity", "nested too deeply", id="200,000 deep"),
        pytest.param(
            b'{"batch": [' + b'{"a":' * 98 + b"1" + b"}" * 98 + b"]}",
            "identity",
            "nested too deeply",
            id="101 deep",
        ),
        pytest.param(b"[]", "identity", "expected a JSON object, got list", id="a list"),
        pytest.param(b"{}", "identity", 'expected {"batch"', id="no batch"),
        pytest.param(b'{"batch": {}}', "identity", 'expected {"batch"', id="batch is not a list"),
        pytest.param(b'{"batch": [1]}', "identity", "batch[0]: expected an object", id="int"),
        pytest.param(batch(), "br", "expected gzip or none, got 'br'", id="another encoding"),
        pytest.param(batch(), "gzip", "is not gzip", id="not gzip"),
        pytest.param(gzip.compress(batch())[:-4], "gzip", "ends early", id="gzip cut"),
        pytest.param(b"", "gzip", "ends early", id="gzip of nothing"),
        pytest.param(
            json.dumps({"batch": [], "writeKey": "k" * 201}).encode(),
            "identity",
            "writeKey: expected at most 200 characters",
            id="an invalid write key",
        ),
    ],
)
def test_a_malformed_batch_is_refused_and_told_why(
    inspector: Inspector, body: bytes, encoding: str, message: str
) -> None:
    answer = inspector.ask("POST", "/v1/batch", body, Content_Encoding=encoding)
    assert (answer.status, answer.json["success"]) == (400, False)
    assert answer.json["code"] == "malformed"
    assert message in answer.json["message"]
    assert not inspector.messages()
    (refused,) = inspector.refused()
    assert (refused["code"], refused["message"]) == ("malformed", answer.json["message"])
    assert (refused["path"], refused["bytes"]) == ("/v1/batch", len(body))


def test_a_refused_upload_leaves_a_row(
    inspector: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    """In the list, the totals, the export and the terminal, and in the detail its beginning."""
    event = {**EVENT, "event": "\x9b31m\u202e"}
    body = json.dumps({"batch": [event, {"a": float("nan")}]}, ensure_ascii=False).encode()
    assert inspector.ask("POST", "/v1/batch", body).status == 400
    (row,) = inspector.ask("GET", "/api/events?verdict=upload_refused").json["events"]
    assert (row["type"], row["event"], row["reason"]) == ("upload", "/v1/batch", "malformed")
    hint = f"not JSON: NaN is not a number in JSON; 2 events, {len(body)} bytes"
    assert row["hint"] == hint
    refused = row["message"]["refused_upload"]
    assert refused["events"] == 2
    assert refused["excerpt"].startswith(r'{"batch": [{"type": "track", "event": "\x9b31m\u202e"')
    stats = inspector.ask("GET", "/api/stats").json
    assert (stats["total"], stats["upload_refused"]) == (1, 1)
    (issue,) = stats["issues"]
    assert (issue["verdict"], issue["title"], issue["count"]) == ("upload_refused", "malformed", 1)
    assert json.loads(inspector.ask("GET", "/api/events.ndjson").text) == row["message"]
    assert "refused /v1/batch, 2 events, " in caplog.text


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_of_a_refused_upload_an_excerpt_is_kept(inspector: Inspector, encoding: str) -> None:
    """Also of one that is too large: bounded, before it is escaped and after."""
    body = b'{"batch": "' + "\u202e".encode() * 300_000
    sent = gzip.compress(body) if encoding == "gzip" else body
    inspector.ask("POST", "/v1/batch", sent, Content_Encoding=encoding)
    (refused,) = inspector.refused()
    assert (refused["code"], refused["events"]) == ("too_large", None)
    assert refused["bytes"] == len(sent)
    assert refused["excerpt"].startswith(r'{"batch": "\u202e\u202e')
    assert len(refused["excerpt"]) == 301


@pytest.mark.parametrize(
    "body",
    [
        f'{{"writeKey": "{KEY}", "batch": [',
        f'{{"write_key":"{KEY}',
        f"{{'writeKey': '{KEY}'}}",
        f"writeKey={KEY}&event=e",
        json.dumps(f'{{"writeKey": "{KEY}"}}'),
    ],
)
def test_an_excerpt_has_no_write_key(inspector: Inspector, body: str) -> None:
    assert inspector.ask("POST", "/v1/batch", body.encode()).status == 400
    (refused,) = inspector.refused()
    assert "rite" in refused["excerpt"]
    assert KEY not in json.dumps(refused)


def test_an_event_may_be_97_deep(inspector: Inspector) -> None:
    """With the batch around it that is all that is allowed, and it can be shown."""
    body = b'{"batch": [' + b'{"a":' * 97 + b"1" + b"}" * 97 + b"]}"
    assert inspector.ask("POST", "/v1/batch", body).status == 200
    assert len(inspector.ask("GET", "/api/events").json["events"]) == 1


def test_the_encoding_s_name_may_be_in_upper_case(inspector: Inspector) -> None:
    body = gzip.compress(batch(EVENT))
    assert inspector.ask("POST", "/v1/batch", body, Content_Encoding="GZIP").status == 200
    assert inspector.messages() == [EVENT]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(
    ("kind", "body", "most"),
    [
        ("batch", batch(EVENT), MOST_BATCH_BYTES),
        ("track", json.dumps(EVENT).encode(), MOST_EVENT_BYTES),
    ],
)
def test_a_request_may_have_so_many_bytes_and_not_one_more(
    inspector: Inspector, kind: str, body: bytes, most: int, encoding: str
) -> None:
    """Of what is compressed the expanded size counts, however small it came."""
    full = body.ljust(most)
    for sent, status in ((full, 200), (full + b" ", 400), (full * 40, 400)):
        sent = gzip.compress(sent) if encoding == "gzip" else sent
        answer = inspector.ask("POST", f"/v1/{kind}", sent, Content_Encoding=encoding)
        assert answer.status == status
    assert answer.json["code"] == "too_large"
    assert answer.json["message"] == f"this request may have {most} bytes, it has more"
    assert inspector.messages() == [EVENT]


def test_of_what_is_too_long_no_more_is_kept_than_it_may_have(inspector: Inspector) -> None:
    """Though all of it is read, so that the client sees the answer."""
    body = bytes(30_000_000)
    tracemalloc.start()
    answer = inspector.ask("POST", "/v1/batch", body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 400
    assert peak < 10_000_000


def test_what_gzip_expands_to_is_bounded_while_it_expands(inspector: Inspector) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    answer = inspector.ask("POST", "/v1/batch", bomb, Content_Encoding="gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 400
    assert peak < 10_000_000


def test_an_event_may_have_32_kb_and_not_a_byte_more(inspector: Inspector) -> None:
    """As UTF-8 has them: a client is free to write é or \\u00e9."""
    rest = len(json.dumps({**ID, "event": ""}, separators=(",", ":")))
    full = {**ID, "event": "é" * ((MOST_EVENT_BYTES - rest) // 2)}
    full["event"] += "e" * ((MOST_EVENT_BYTES - rest) % 2)
    assert inspector.send(full).status == 200
    answer = inspector.send({**full, "event": full["event"] + "e"}).json
    assert answer["message"] == "batch[0]: an event may have 32768 bytes"
    assert answer["code"] == "too_large"
    assert inspector.messages() == [full]


def test_a_batch_may_have_2500_events_and_not_one_more(inspector: Inspector) -> None:
    assert inspector.send(*[{}] * MOST_BATCH_EVENTS).status == 200
    answer = inspector.send(*[{}] * (MOST_BATCH_EVENTS + 1)).json
    assert answer["message"] == "a batch may have 2500 events, not 2501"


def test_half_a_surrogate_pair_is_taken(inspector: Inspector) -> None:
    body = rb'{"event": "\ud800", "userId": "\ud800", "messageId": "m\ud800", "timestamp": "t"}'
    assert inspector.ask("POST", "/v1/track", body).status == 200
    assert inspector.messages() == [{**json.loads(body), "type": "track"}]
    assert inspector.ask("GET", "/api/events").json["events"][0]["event"] == "\\ud800"


def test_a_broken_connection_is_no_fault_of_the_server(
    inspector: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    address = urlsplit(inspector.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
        connection.sendall(head.encode())
        time.sleep(0.1)
    assert inspector.send(EVENT).status == 200
    assert inspector.messages() == [EVENT]
    assert not inspector.refused()
    assert not caplog.records


def test_events_that_cannot_be_stored_are_not_acknowledged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK sends them again after a 503."""
    with inspecting(tmp_path / "x.db") as inspector:
        with closing(sqlite3.connect(tmp_path / "x.db")) as other:
            other.execute("DROP TABLE events")
        answer = inspector.send(EVENT)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert "cannot store events in" in caplog.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused(inspector: Inspector, method: str) -> None:
    answer = inspector.ask(method, "/v1/batch")
    assert (answer.status, answer.json["message"]) == (405, "Method Not Allowed")
