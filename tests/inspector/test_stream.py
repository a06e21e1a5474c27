"""The stream of what arrives."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from tests.inspecting import Inspector, track
from tests.visitors import ALICE


class Stream:
    """Read the server-sent events of ``/api/stream``, one after the other."""

    def __init__(self, inspector: Inspector, query: str = "", **headers: str) -> None:
        self.connection = HTTPConnection(urlsplit(inspector.url).netloc, timeout=5)
        self.connection.request("GET", f"/api/stream?{query}", headers=headers)
        self.response: HTTPResponse = self.connection.getresponse()
        assert self.next() == {"": "live"}  # at once: see live.py

    def next(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        while line := self.response.readline().decode().strip():
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def names(self) -> list[str]:
        return [row["event"] for row in json.loads(self.next()["data"])]

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def stream(inspector: Inspector) -> Iterator[Callable[..., Stream]]:
    opened = []

    def open_stream(query: str = "", **headers: str) -> Stream:
        opened.append(Stream(inspector, query, **headers))
        return opened[-1]

    yield open_stream
    for each in opened:
        each.close()


def test_what_arrives_is_streamed(inspector: Inspector, stream: Callable[..., Stream]) -> None:
    inspector.send(track("before"))
    watching = stream()
    assert watching.response.headers["content-type"].startswith("text/event-stream")
    inspector.send(track("a"), track("b"))
    news = watching.next()
    rows = json.loads(news["data"])
    assert (news["event"], news["id"]) == ("events", str(rows[-1]["id"]))
    assert [row["event"] for row in rows] == ["a", "b"]
    inspector.send(track("c"))
    assert watching.names() == ["c"]


def test_a_stream_goes_on_where_it_broke_off(
    inspector: Inspector, stream: Callable[..., Stream]
) -> None:
    inspector.send(*map(track, "abc"))
    first = inspector.store.newest() - 2
    assert stream(f"after={first}").names() == ["b", "c"]
    assert stream(f"after={first}", **{"Last-Event-ID": str(first + 1)}).names() == ["c"]


def test_a_stream_has_what_its_filter_chooses(
    inspector: Inspector, stream: Callable[..., Stream]
) -> None:
    watching = stream("verdict=accepted")
    inspector.send(track("a"), track("b", properties={"profile_id": ALICE}), track("c"))
    assert watching.names() == ["b"]
    inspector.send(track("d"))
    inspector.send(track("e", properties={"profile_id": ALICE}))
    assert watching.names() == ["e"]


def test_a_stream_brings_much_in_pieces(
    inspector: Inspector, stream: Callable[..., Stream]
) -> None:
    after = inspector.store.newest()
    inspector.send(*(track(f"e{number}") for number in range(1200)))
    watching = stream(f"after={after}")
    assert [len(watching.names()) for _ in range(3)] == [500, 500, 200]


def test_a_stream_tells_that_all_was_cleared(
    inspector: Inspector, stream: Callable[..., Stream]
) -> None:
    watching = stream()
    inspector.send(track("a"))
    assert watching.names() == ["a"]
    inspector.ask("DELETE", "/api/events")
    assert watching.next()["event"] == "cleared"
    inspector.send(track("b"))
    assert watching.names() == ["b"]


def test_a_stream_that_watched_another_file_begins_anew(
    inspector: Inspector, stream: Callable[..., Stream]
) -> None:
    """An inspector with a new file gives its first events numbers that the page has seen."""
    watching = stream(**{"Last-Event-ID": str(inspector.store.newest() + 1000)})
    assert watching.next()["event"] == "cleared"
    inspector.send(track("a"))
    assert watching.names() == ["a"]
