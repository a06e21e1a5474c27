from __future__ import annotations

import gzip
import json
import logging
import socket
import time
import tracemalloc
from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import pytest
import uvicorn
from segment.analytics.request import APIError, post
from starlette.applications import Starlette

from koala_middleware.inspector.collector import (
    MOST_BATCH_BYTES,
    MOST_EVENT_BYTES,
    EventStore,
    routes,
)

EVENT = {"type": "track", "event": "Signed Up", "properties": {"price": 12.5}}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[EventStore, int]]:
    store = EventStore()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=routes(store)), lifespan="off", ws="none", log_config=None
    )
    running = uvicorn.Server(config)
    thread = Thread(target=running.run, args=([listener],))
    thread.start()
    yield store, listener.getsockname()[1]
    running.should_exit = True
    thread.join()


@pytest.fixture
def port(server: tuple[EventStore, int]) -> int:
    return server[1]


@pytest.fixture
def store(server: tuple[EventStore, int]) -> EventStore:
    server[0]._events.clear()
    return server[0]


def send(port: int, body: bytes, encoding: str = "identity") -> tuple[int, dict[str, Any]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/v1/batch", body, {"Content-Encoding": encoding})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def batch(*events: object) -> bytes:
    return json.dumps({"batch": events, "writeKey": "secret"}).encode()


@pytest.mark.parametrize("compress", [False, True])
def test_a_batch_from_the_sdk_is_stored_without_its_write_key(
    port: int, store: EventStore, compress: bool
) -> None:
    answer = post("secret", host=f"http://127.0.0.1:{port}", gzip=compress, batch=[EVENT, EVENT])
    assert answer.json() == {"success": True}
    assert store.all() == [EVENT, EVENT]


def test_the_sdk_tells_its_user_what_was_malformed(port: int) -> None:
    with pytest.raises(APIError, match=r"batch\[1\]: expected an object, got str"):
        post("secret", host=f"http://127.0.0.1:{port}", batch=[EVENT, "Signed Up"])


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        pytest.param(b"", "identity", "not JSON", id="nothing"),
        pytest.param(b'{"batch": [', "identity", "not JSON", id="cut"),
        pytest.param(b'{"batch": ["\xff"]}', "identity", "not JSON", id="not UTF-8"),
        pytest.param(b'{"batch": [{"a": NaN}]}', "identity", "NaN is no number", id="NaN"),
        pytest.param(b'{"batch": [{"a": 1e999}]}', "identity", "1e999 is no number", id="1e999"),
        pytest.param(b"9" * 5000, "identity", "not JSON", id="a number of 5000 digits"),
        pytest.param(b"[" * 200_000, "identity", "nested too deeply", id="200,000 deep"),
        pytest.param(b"[]", "identity", 'expected {"batch"', id="a list"),
        pytest.param(b"{}", "identity", 'expected {"batch"', id="no batch"),
        pytest.param(b'{"batch": {}}', "identity", 'expected {"batch"', id="batch is no list"),
        pytest.param(b'{"batch": [1]}', "identity", "batch[0]: expected an object", id="int"),
        pytest.param(batch(), "br", "expected gzip or none, got 'br'", id="another encoding"),
        pytest.param(batch(), "gzip", "is not gzip", id="not gzip"),
        pytest.param(gzip.compress(batch())[:-4], "gzip", "ends early", id="gzip cut"),
        pytest.param(b"", "gzip", "ends early", id="gzip of nothing"),
    ],
)
def test_a_malformed_batch_is_refused_and_told_why(
    port: int, store: EventStore, body: bytes, encoding: str, message: str
) -> None:
    status, answer = send(port, body, encoding)
    assert (status, answer["code"]) == (400, "malformed")
    assert message in answer["message"]
    assert not store.all()


def test_the_encoding_s_name_may_be_in_upper_case(port: int, store: EventStore) -> None:
    assert send(port, gzip.compress(batch(EVENT)), "GZIP") == (200, {"success": True})
    assert store.all() == [EVENT]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_batch_may_have_500_kb_and_not_a_byte_more(
    port: int, store: EventStore, encoding: str
) -> None:
    """Of what is compressed the expanded size counts, however small it came."""
    full = batch(EVENT).ljust(MOST_BATCH_BYTES)
    for body, status in ((full, 200), (full + b" ", 400), (full * 40, 400)):
        sent = gzip.compress(body) if encoding == "gzip" else body
        assert send(port, sent, encoding)[0] == status
    assert store.all() == [EVENT]


def test_what_gzip_expands_to_is_bounded_while_it_expands(port: int, store: EventStore) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    status, _ = send(port, bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert status == 400
    assert peak < 10_000_000


def test_an_event_may_have_32_kb_and_not_a_byte_more(port: int, store: EventStore) -> None:
    """As UTF-8 has them: a client is free to write é or \\u00e9."""
    full = {"event": "é" * ((MOST_EVENT_BYTES - len('{"event":""}')) // 2)}
    assert send(port, batch(full))[0] == 200
    assert send(port, batch({"event": full["event"] + "é"}))[1]["message"] == (
        "batch[0]: an event may have 32768 bytes"
    )
    assert store.all() == [full]


def test_no_depth_is_a_fault_of_the_server(port: int, store: EventStore) -> None:
    """There are depths that can be parsed and cannot be written again."""
    for depth in range(800, 1100, 10):
        body = b'{"batch": [{"a": ' + b"[" * depth + b"]" * depth + b"}]}"
        assert send(port, body)[0] in (200, 400)


def test_half_a_surrogate_pair_is_taken(port: int, store: EventStore) -> None:
    assert send(port, rb'{"batch": [{"event": "\ud800"}]}')[0] == 200
    assert store.all() == [{"event": "\ud800"}]


def test_a_broken_connection_is_no_fault_of_the_server(
    port: int, store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        time.sleep(0.1)
    assert send(port, batch(EVENT))[0] == 200
    assert store.all() == [EVENT]
    assert not caplog.records


def test_the_store_keeps_the_newest() -> None:
    store = EventStore(most=3)
    store.add([{"event": "a"}, {"event": "b"}])
    store.add([{"event": "c"}, {"event": "d"}])
    assert [event["event"] for event in store.all()] == ["b", "c", "d"]
