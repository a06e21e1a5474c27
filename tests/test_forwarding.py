from __future__ import annotations

import json
import stat
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import segment.analytics.client as sdk

from koala_middleware.inspector.forwarding.forwarder import forward_url
from koala_middleware.inspector.forwarding.outbox import Outbox
from koala_middleware.inspector.storage.database import ForeignFileError
from tests.inspecting import Inspector, inspecting

KEY = "abcdefghijklmnop"
BASIC = f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"


class Upstream(ThreadingHTTPServer):
    """Answer as told, each time with the next status, and keep what came."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, dict(self.headers), body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def answering(port: int = 0) -> Iterator[Upstream]:
    with Upstream(port) as upstream:
        thread = Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield upstream
        finally:
            upstream.shutdown()
            thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with answering() as upstream:
        yield upstream


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stats(inspector: Inspector) -> dict[str, Any]:
    forward: dict[str, Any] = inspector.ask("GET", "/api/stats").json["forward"]
    return forward


def event(name: str) -> dict[str, Any]:
    return {"type": "track", "event": name, "userId": "u", "messageId": name, "timestamp": "t"}


def test_an_upload_goes_on_as_it_came(tmp_path: Path, upstream: Upstream) -> None:
    """With its write key, and a fresh sentAt, by which Segment mends a wrong clock."""
    with inspecting(tmp_path / "x.db", forward=upstream.url) as inspector:
        inspector.send(event("a"), Authorization=BASIC)
        body = {"userId": "u", "event": "b", "sentAt": "1999-01-01T00:00:00Z"}
        inspector.ask("POST", "/v1/track", json.dumps(body).encode(), Authorization="Bearer token")
        wait_for(lambda: len(upstream.requests) == 2)
        wait_for(lambda: not stats(inspector)["pending"])
        told = stats(inspector)
    (path, headers, first), (other_path, other_headers, second) = upstream.requests
    assert (path, headers["Authorization"]) == ("/v1/batch", BASIC)
    assert first.pop("sentAt") > "2026"
    assert first == {"batch": [event("a")], "writeKey": KEY}
    assert (other_path, other_headers["Authorization"]) == ("/v1/track", "Bearer token")
    assert second.pop("sentAt") > "2026"
    assert second == {"userId": "u", "event": "b"}
    assert told == {
        "to": upstream.url,
        "pending": 0,
        "sent": 2,
        "refused": 0,
        "given_up": 0,
        "fault": None,
    }


def test_the_real_sdk_s_events_are_forwarded(tmp_path: Path, upstream: Upstream) -> None:
    with inspecting(tmp_path / "x.db", forward=upstream.url) as inspector:
        client = sdk.Client(KEY, host=inspector.url, gzip=True)
        client.track("u", "Signed Up")
        client.shutdown()
        wait_for(lambda: upstream.requests)
    assert [each["event"] for each in upstream.bodies()[0]["batch"]] == ["Signed Up"]
    assert upstream.bodies()[0]["writeKey"] == KEY


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        pytest.param((500, {}), ["a", "a", "b"], id="500: again"),
        pytest.param((503, {"Retry-After": "1"}), ["a", "a", "b"], id="503: again"),
        pytest.param((429, {"Retry-After": "soon"}), ["a", "a", "b"], id="429: again"),
        pytest.param((400, {}), ["a", "b"], id="400: refused"),
        pytest.param((401, {}), ["a", "b"], id="401: refused"),
        pytest.param((302, {"Location": "/elsewhere"}), ["a", "b"], id="302: refused"),
    ],
)
def test_what_is_not_taken_is_sent_again_where_that_may_help(
    tmp_path: Path,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, dict[str, str]],
    sent: list[str],
) -> None:
    upstream.answers = [answer]
    with inspecting(tmp_path / "x.db", forward=upstream.url) as inspector:
        for name in "ab":
            assert inspector.send(event(name)).status == 200
        wait_for(lambda: len(upstream.requests) == len(sent))
        wait_for(lambda: not stats(inspector)["pending"])
        told = stats(inspector)
    assert [body["batch"][0]["event"] for body in upstream.bodies()] == sent
    assert (told["sent"], told["refused"]) == ((2, 0) if len(sent) == 3 else (1, 1))
    assert f"answered {answer[0]}" in caplog.text
    assert KEY not in caplog.text


def test_uploads_wait_for_the_host_and_for_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In their order, each with its own write key, and none of it readable in a file."""
    with answering() as gone:
        port = gone.server_port
    path, url = tmp_path / "x.db", f"http://127.0.0.1:{port}"
    with inspecting(path, forward=url) as inspector:
        for name in "abc":
            assert inspector.send(event(name)).status == 200
        body = json.dumps({"batch": [event("d")], "writeKey": "another write key"}).encode()
        assert inspector.ask("POST", "/v1/batch", body).status == 200
        wait_for(lambda: stats(inspector)["fault"])
        assert stats(inspector)["pending"] == 4
        assert "cannot be reached" in stats(inspector)["fault"]
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for secret in (KEY.encode(), b"another write key", KEY.encode().hex().encode()):
            assert secret not in file.read_bytes()
    assert caplog.text.count("cannot be reached") == 1

    with answering(port) as back, inspecting(path, forward=url) as inspector:
        wait_for(lambda: len(back.requests) == 4)
        wait_for(lambda: not stats(inspector)["pending"])
    assert [body["batch"][0]["event"] for body in back.bodies()] == list("abcd")
    assert [body["writeKey"] for body in back.bodies()] == [KEY] * 3 + ["another write key"]
    assert not (tmp_path / "x.db.keys").exists()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "x.db", most=3, most_bytes=1000)) as box:
        yield box


def test_over_the_bounds_the_oldest_are_given_up(box: Outbox) -> None:
    for number in range(5):
        box.put("/v1/batch", {"number": number})
    assert (len(box), box.given_up) == (3, 2)
    first = box.first()
    assert first is not None
    assert first.body == {"number": 2}
    box.put("/v1/batch", {"text": "x" * 980})
    assert (len(box), box.given_up) == (1, 5)


def test_an_upload_whose_key_was_lost_is_given_up(tmp_path: Path) -> None:
    """Without it, its events would go nowhere, or to a source that is not theirs."""
    path = tmp_path / "x.db"
    with closing(Outbox(path)) as box:
        box.put("/v1/batch", {"number": 1}, None, KEY)
    (tmp_path / "x.db.keys").unlink()
    with closing(Outbox(path)) as box:
        assert (box.first(), box.given_up) == (None, 1)


def test_a_file_of_keys_that_is_none_is_told(tmp_path: Path) -> None:
    for text in ("no JSON", "[]", '{"name": "no hex"}', '{"name": 1}'):
        (tmp_path / "x.db.keys").write_text(text)
        with pytest.raises(ForeignFileError, match=r"x\.db\.keys is not the inspector's"):
            Outbox(tmp_path / "x.db")


def test_keys_that_no_upload_needs_are_forgotten(tmp_path: Path) -> None:
    """However many somebody sends."""
    with closing(Outbox(tmp_path / "x.db", most=5)) as box:
        for number in range(250):
            box.put("/v1/batch", {}, None, f"key {number}")
        assert len(json.loads((tmp_path / "x.db.keys").read_text())) <= 101
        first = box.first()
    assert first is not None
    assert first.write_key == "key 245"
    assert len(json.loads((tmp_path / "x.db.keys").read_text())) == 5


def test_a_closed_outbox_says_nothing_more(tmp_path: Path) -> None:
    """The forwarder may still wait for an answer when the process ends."""
    with closing(Outbox(tmp_path / "x.db")) as box:
        box.put("/v1/batch", {})
    box.remove(1)
    assert (box.first(), len(box)) == (None, 1)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.segment.io", "https://api.segment.io"),
        ("https://api.segment.io/", "https://api.segment.io"),
        ("https://events.eu1.segmentapis.com/v1", "https://events.eu1.segmentapis.com"),
        ("http://127.0.0.1:9000/proxy/v1/", "http://127.0.0.1:9000/proxy"),
    ],
)
def test_a_host_to_forward_to_is_a_url(given: str, url: str) -> None:
    assert forward_url(given, other_than="http://127.0.0.1:8765") == url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("api.segment.io", "expected a URL such as https://api.segment.io"),
        ("ftp://api.segment.io", "expected a URL such as"),
        ("https://", "expected a URL such as"),
        ("https://api.segment.io?x=1", "expected a URL such as"),
        ("https://secret@api.segment.io?", "expected a URL without a user"),
        ("http://127.0.0.1:8765", "is the inspector itself"),
        ("http://localhost:8765/v1", "is the inspector itself"),
        ("http://localhost:port", "expected a URL such as"),
    ],
)
def test_another_host_to_forward_to_is_refused(given: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        forward_url(given, other_than="http://127.0.0.1:8765")
    assert "secret" not in str(refused.value)
