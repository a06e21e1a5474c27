from __future__ import annotations

import json
import re
import socket
import sqlite3
import stat
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import segment.analytics.client as sdk

from koala_middleware.inspector.commands.forward_url import forward_url
from koala_middleware.inspector.forwarding import forwarder
from koala_middleware.inspector.forwarding.claim import ClaimedError
from koala_middleware.inspector.forwarding.outbox import Outbox
from koala_middleware.inspector.server.listening import listen, url_of
from tests.inspecting import Inspector, inspecting

KEY = "abcdefghijklmnop"
BASIC = f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"


class Upstream(ThreadingHTTPServer):
    """Answer as told, each time with the next status, and keep what arrived."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.delay = 0.0  # seconds
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
        time.sleep(self.server.delay)
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


def has_a_key(file: Path) -> bool:
    content = file.read_bytes()
    return KEY.encode() in content or b"another write key" in content


def event(name: str) -> dict[str, Any]:
    return {"type": "track", "event": name, "userId": "u", "messageId": name, "timestamp": "t"}


def test_an_upload_goes_on_as_it_came(tmp_path: Path, upstream: Upstream) -> None:
    """With its write key, and a fresh sentAt, by which Segment corrects a wrong clock."""
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
    assert "koala-inspector-" in headers["Via"]
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
    """In their order, each with its own write key, which nobody else can read meanwhile."""
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
    assert caplog.text.count("cannot be reached") == 1

    with answering(port) as back, inspecting(path, forward=url) as inspector:
        wait_for(lambda: len(back.requests) == 4)
        wait_for(lambda: not stats(inspector)["pending"])
        wait_for(lambda: not any(has_a_key(file) for file in tmp_path.iterdir()))
    assert not any(has_a_key(file) for file in tmp_path.iterdir())
    assert [body["batch"][0]["event"] for body in back.bodies()] == list("abcd")
    assert [body["writeKey"] for body in back.bodies()] == [KEY] * 3 + ["another write key"]


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


def test_a_closed_outbox_says_nothing_more(tmp_path: Path) -> None:
    """The forwarder may still wait for an answer when the process ends."""
    with closing(Outbox(tmp_path / "x.db")) as box:
        box.put("/v1/batch", {})
    box.remove(1)
    box.truncate_log()
    assert (box.first(), len(box)) == (None, 1)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("0.0.0.0", 0) as listener:
        yield listener


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.segment.io", "https://api.segment.io"),
        ("https://api.segment.io/", "https://api.segment.io"),
        ("https://events.eu1.segmentapis.com/v1", "https://events.eu1.segmentapis.com"),
        ("http://127.0.0.1:9/proxy/v1/", "http://127.0.0.1:9/proxy"),
        ("http://192.0.2.1:PORT", "http://192.0.2.1:PORT"),
        ("http://[::1]:PORT", "http://[::1]:PORT"),
        ("http://nobody.invalid:PORT", "http://nobody.invalid:PORT"),
    ],
)
def test_a_host_to_forward_to_is_a_url(listener: socket.socket, text: str, url: str) -> None:
    port = str(listener.getsockname()[1])
    assert forward_url(text.replace("PORT", port), listener) == url.replace("PORT", port)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api.segment.io", "expected a URL such as https://api.segment.io"),
        ("ftp://api.segment.io", "expected a URL such as"),
        ("https://", "expected a URL such as"),
        ("https://api.segment.io?x=1", "expected a URL such as"),
        ("https://secret@api.segment.io?", "expected a URL without a user"),
        ("http://localhost:port", "--forward: "),
        ("http://[::1", "--forward: "),
        ("http://.example", "--forward: "),
        ("http://127.0.0.1:PORT", "is this inspector itself"),
        ("http://127.0.0.2:PORT", "is this inspector itself"),
        ("http://localhost:PORT/v1", "is this inspector itself"),
        ("http://0.0.0.0:PORT", "is this inspector itself"),
    ],
)
def test_another_host_to_forward_to_is_refused(
    listener: socket.socket, text: str, message: str
) -> None:
    """Every address of this machine is the inspector itself where it listens on 0.0.0.0."""
    with pytest.raises(ValueError, match=message) as refused:
        forward_url(text.replace("PORT", str(listener.getsockname()[1])), listener)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "refused"), [("127.0.0.1", True), ("0.0.0.0", True), ("127.0.0.2", False)]
)
def test_another_server_may_have_the_same_port_of_another_address(host: str, refused: bool) -> None:
    with listen("127.0.0.1", 0) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        with pytest.raises(ValueError, match="itself") if refused else nullcontext():
            forward_url(url, listener)


def test_inspectors_that_forward_to_each_other_notice_the_loop(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Each has the event once, and the one that began it says why it came back."""
    with ExitStack() as stack:
        ports = [stack.enter_context(listen("127.0.0.1", 0)) for _ in range(2)]
        urls = [url_of(port) for port in ports]
        one, other = (
            stack.enter_context(inspecting(tmp_path / name, forward=url, listener=port))
            for name, url, port in zip(("one", "other"), reversed(urls), ports, strict=True)
        )
        assert one.send(event("a")).status == 200
        wait_for(one.refused)
        wait_for(lambda: not stats(other)["pending"])
        assert (len(one.messages()), len(other.messages())) == (1, 1)
        assert [refused["code"] for refused in one.refused()] == ["loop"]
        assert other.refused() == []
        assert "400" in stats(other)["fault"]


def test_an_inspector_may_forward_to_another(tmp_path: Path, upstream: Upstream) -> None:
    """And that to Segment: it is not a loop."""
    with (
        inspecting(tmp_path / "second.db", forward=upstream.url) as second,
        inspecting(tmp_path / "first.db", forward=second.url) as first,
    ):
        first.send(event("a"), Via="1.1 nginx")
        wait_for(lambda: upstream.requests)
    ((_, headers, _),) = upstream.requests
    assert re.fullmatch(r"(1\.1 koala-inspector-\w{8}(, |$)){2}", headers["Via"])


def test_an_upload_that_can_never_be_sent_is_given_up(
    tmp_path: Path, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits behind it goes on."""
    with inspecting(tmp_path / "x.db", forward=upstream.url) as inspector:
        assert inspector.send(event("a"), Authorization=f"\xa0{KEY}").status == 200
        wait_for(lambda: stats(inspector)["given_up"])
        assert "cannot be sent" in stats(inspector)["fault"]
        inspector.send(event("b"))
        wait_for(lambda: stats(inspector)["sent"])
        assert (stats(inspector)["pending"], stats(inspector)["given_up"]) == (0, 1)
    assert [body["batch"][0]["event"] for body in upstream.bodies()] == ["b"]
    assert "an upload was given up: its Authorization header cannot be sent" in caplog.text
    assert KEY not in caplog.text


def test_an_upload_that_is_always_answered_5xx_is_given_up(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "_FIRST_WAIT", 0.01)
    upstream.answers = [(500, {})] * 20
    with inspecting(tmp_path / "x.db", forward=upstream.url) as inspector:
        monkeypatch.setattr(forwarder, "_LONGEST_WAIT", 0.01)
        inspector.send(event("a"))
        inspector.send(event("b"))
        wait_for(lambda: stats(inspector)["sent"])
        assert (stats(inspector)["pending"], stats(inspector)["given_up"]) == (0, 1)
    assert [body["batch"][0]["event"] for body in upstream.bodies()] == ["a"] * 20 + ["b"]


def test_a_locked_file_holds_forwarding_up_and_no_more(
    tmp_path: Path, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer than SQLite waits: it is told, goes on by itself, and nothing is sent twice."""
    path = tmp_path / "x.db"
    upstream.delay = 0.5
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        inspecting(path, forward=upstream.url) as inspector,
    ):
        inspector.send(event("a"))
        wait_for(lambda: upstream.requests)
        other.execute("BEGIN IMMEDIATE")
        wait_for(lambda: stats(inspector)["fault"])
        assert stats(inspector)["fault"] == "OperationalError: database is locked"
        other.execute("ROLLBACK")
        inspector.send(event("b"))
        wait_for(lambda: stats(inspector)["sent"] == 2)
        wait_for(lambda: not stats(inspector)["pending"])
        assert stats(inspector)["fault"] is None
    assert [body["batch"][0]["event"] for body in upstream.bodies()] == ["a", "b"]
    assert caplog.text.count("database is locked") == 1


def test_a_fault_of_the_file_is_told_while_it_lasts(tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "x.db"
    with closing(Outbox(path)) as box:
        box.put("/v1/batch", {}, None, KEY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE pending SET body = 'no JSON'")
        with inspecting(path, forward=upstream.url) as inspector:
            wait_for(lambda: stats(inspector)["fault"] == "JSONDecodeError")
            other.execute("UPDATE pending SET body = '{}'")
            wait_for(lambda: stats(inspector)["sent"])
            assert stats(inspector)["fault"] is None


def test_a_faulty_file_does_not_delay_the_end(tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "x.db"
    with closing(Outbox(path)) as box:
        box.put("/v1/batch", {})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE pending SET body = 'no JSON'")
    with inspecting(path, forward=upstream.url) as inspector:
        wait_for(lambda: stats(inspector)["fault"])
        assert inspector.forwarder is not None
        began = time.monotonic()
        inspector.forwarder.__exit__()
        assert time.monotonic() - began < 1.5


def test_one_inspector_forwards_from_a_file(tmp_path: Path) -> None:
    """Two would send each upload twice."""
    with closing(Outbox(tmp_path / "x.db")):
        with pytest.raises(ClaimedError, match=r"another inspector forwards from .*x\.db; choose"):
            Outbox(tmp_path / "x.db")
        with inspecting(tmp_path / "x.db") as inspector:
            assert inspector.send(event("a")).status == 200
    with closing(Outbox(tmp_path / "x.db")):
        pass
