"""The commands ``inspect``, ``tail`` and ``check``, run as their users run them."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from koala_middleware.__main__ import main
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from tests.inspecting import Inspector, inspecting
from tests.processes import Process, Server, command, free_port, run
from tests.visitors import ALICE, BOB


def start(db: Path, *arguments: str) -> Server:
    server = Server("inspect", f"--db={db}", *arguments)
    server.greeting += server.line()
    return server


def koala(*arguments: str, before: str = "", **environ: str) -> CompletedProcess[str]:
    return run(*command(*arguments, before=before), **environ)


def send(server: Server, *names: str) -> int:
    with connect(server) as connection:
        return post(connection, *names)


def connect(server: Server) -> closing[HTTPConnection]:
    return closing(HTTPConnection("127.0.0.1", server.port, timeout=5))


def post(connection: HTTPConnection, *names: str) -> int:
    events = [track(name) for name in names]
    connection.request("POST", "/v1/batch", json.dumps({"batch": events, "writeKey": "k"}))
    response = connection.getresponse()
    response.read()
    return response.status


def track(name: str, **properties: Any) -> dict[str, Any]:
    required = {"type": "track", "userId": "u", "timestamp": "2026-11-23T12:00:00Z"}
    return {**required, "event": name, "messageId": name, "properties": properties}


def stored(db: Path) -> list[str]:
    store = EventStore(db)
    names = [row["event"] for row in store.rows(Filter(after=0), 100_000)]
    store.close()
    return names


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_inspect_says_what_to_do_and_stops_in_silence(tmp_path: Path, number: int) -> None:
    db = tmp_path / "x.db"
    inspector = start(db)
    assert inspector.greeting == (
        f"Open {inspector.url}; Ctrl-C stops. In your application: "
        f'analytics.host = "{inspector.url}"\nThe events are kept in {db}.\n'
    )
    assert send(inspector, "a") == 200
    assert inspector.stop(number) == (0, "", "")
    assert stored(db) == ["a"]


def test_inspect_stops_in_silence_while_a_page_watches(tmp_path: Path) -> None:
    """Else uvicorn would wait, and say that it cancels what has not ended by itself."""
    inspector = start(tmp_path / "x.db")
    with connect(inspector) as connection:
        connection.request("GET", "/api/stream?after=0")
        response = connection.getresponse()
        send(inspector, "a")
        assert response.readline().startswith(b"id: ")
        assert inspector.stop(signal.SIGTERM) == (0, "", "")


def test_nothing_acknowledged_is_missing_after_kill_9(tmp_path: Path) -> None:
    """And what is sent again, because its acknowledgement was lost, is stored once."""
    db = tmp_path / "x.db"
    inspector = start(db)
    acknowledged: list[str] = []
    unanswered: list[str] = []

    def keep_sending() -> None:
        with connect(inspector) as connection:
            while True:
                names = [uuid4().hex for _ in range(5)]
                try:
                    assert post(connection, *names) == 200
                except (OSError, HTTPException):
                    unanswered.extend(names)
                    return
                acknowledged.extend(names)

    senders = [Thread(target=keep_sending) for _ in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    assert inspector.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    for sender in senders:
        sender.join()

    found = stored(db)
    assert len(acknowledged) > 50
    assert set(acknowledged) <= set(found) <= {*acknowledged, *unanswered}
    again = start(db)
    assert send(again, *unanswered) == 200
    assert again.stop(signal.SIGINT)[0] == 0
    assert sorted(stored(db)) == sorted(acknowledged + unanswered)


def test_inspect_keeps_its_events_in_the_state_directory(tmp_path: Path) -> None:
    inspector = Server("inspect", "--keep=2", XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    kept = re.search("kept in (.*)[.]\n", inspector.line())
    assert kept is not None
    inspector.stop(signal.SIGTERM)
    assert Path(kept[1]).is_relative_to(tmp_path)
    assert Path(kept[1]).name == "inspector.db"


def test_inspect_warns_where_others_can_reach_it_and_serves_the_names_it_is_told(
    tmp_path: Path,
) -> None:
    inspector = start(tmp_path / "x.db", "--host=0.0.0.0", "--allow-host=Inspector")
    for host, status in (("inspector", 200), (socket.gethostname(), 200), ("evil.example", 403)):
        with connect(inspector) as connection:
            connection.request("GET", "/api/stats", headers={"Host": host})
            assert connection.getresponse().status == status
    code, _, stderr = inspector.stop(signal.SIGINT)
    assert code == 0
    assert stderr.startswith("koala-middleware inspect: warning: whoever reaches 0.0.0.0 can read")
    assert stderr.count("\n") == 1


def test_inspect_forwards_and_says_once_that_it_cannot(tmp_path: Path) -> None:
    port = free_port()
    inspector = start(tmp_path / "x.db", f"--forward=http://127.0.0.1:{port}")
    assert send(inspector, "a") == 200
    time.sleep(0.5)
    code, _, stderr = inspector.stop(signal.SIGTERM)
    assert (code, stderr) == (
        0,
        "koala-middleware inspect: forwarding: ConnectionError: "
        f"http://127.0.0.1:{port} cannot be reached\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--db={notes}"], "{notes}: file is not a database"),
        (["--db={notes}/x.db"], "exists: '{notes}'"),
        (["--forward=nothing", "--db={db}"], "--forward: expected a URL such as https://"),
    ],
)
def test_inspect_says_why_it_cannot_start(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    notes = tmp_path / "notes"
    notes.write_text("notes" * 1000)
    names = {"notes": notes, "db": tmp_path / "x.db"}
    finished = koala("inspect", "--port=0", *(each.format(**names) for each in arguments))
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("koala-middleware inspect: ")
    assert message.format(**names) in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = koala("inspect", f"--port={port}")
    assert finished.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in finished.stderr


def test_inspect_does_not_forward_to_itself(tmp_path: Path) -> None:
    """Where it listens on all addresses, each of this machine is its own."""
    port = free_port()
    target = f"http://127.0.0.2:{port}"
    arguments = ("--host=0.0.0.0", f"--port={port}", f"--db={tmp_path / 'x.db'}")
    finished = koala("inspect", *arguments, f"--forward={target}")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.endswith(f"--forward: {target} is this inspector itself\n")


def test_only_one_inspector_forwards_from_a_file(tmp_path: Path) -> None:
    db = tmp_path / "x.db"
    first = start(db, "--forward=http://127.0.0.1:9")
    second = koala("inspect", "--port=0", f"--db={db}", "--forward=http://127.0.0.1:9")
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"koala-middleware inspect: another inspector forwards from {db}; "
        "choose another file with --db\n"
    )
    assert first.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    third = start(db, "--forward=http://127.0.0.1:9")  # a killed one has no claim
    assert send(third, "a") == 200
    assert third.stop(signal.SIGINT)[0] == 0


def test_inspect_says_what_it_refuses(tmp_path: Path) -> None:
    inspector = start(tmp_path / "x.db")
    with connect(inspector) as connection:
        connection.request("POST", "/v1/batch", b'{"batch": NaN}')
        assert connection.getresponse().status == 400
    code, _, stderr = inspector.stop(signal.SIGINT)
    assert (code, stderr) == (
        0,
        "koala-middleware inspect: refused /v1/batch, 14 bytes: "
        "not JSON: NaN is not a number in JSON\n",
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    with inspecting(tmp_path_factory.mktemp("inspector") / "x.db") as running:
        running.send(
            track("Signed Up", profile_id=ALICE),
            track("\x1b[31mRed\n[bold]", profile_id=BOB),
            {**track("Lost"), "type": "page"},
            {**track("No One", profile_id=ALICE), "userId": None},
        )
        running.ask("POST", "/v1/batch", b'["\x1b[2J"')
        yield running


def tail(inspector: Inspector, *arguments: str) -> list[str]:
    finished = koala(
        "tail", f"--url={inspector.url}/", *arguments, COLUMNS="40", http_proxy="http://127.0.0.1:9"
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout.splitlines()


def test_tail_prints_what_is_there(running: Inspector) -> None:
    """Oldest first, each on one line however long, and nothing that a terminal obeys."""
    signed_up, red, lost, no_one, upload = tail(running, "--once")
    assert re.fullmatch(rf"\d\d:\d\d:\d\d Signed Up +{ALICE} accepted", signed_up)
    assert rf" \x1b[31mRed\n[bold] {BOB} accepted" in re.sub(" +", " ", red)
    assert re.search("[(]page[)] +no profile id +dropped: not subscribed [(]hint: only", lost)
    assert f"{ALICE} Segment refuses it: neither userId nor anonymousId (hint: pass" in no_one
    assert re.search(
        "/v1/batch +upload refused: malformed [(]hint: not JSON: .*; 7 bytes[)]", upload
    )


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["-n", "1"], 1),
        (["-n0"], 0),
        (["--verdict=accepted"], 2),
        (["--verdict=refused"], 1),
        (["--verdict=upload_refused"], 1),
        ([f"--profile-id={BOB}", "--lines=5"], 1),
    ],
)
def test_tail_prints_what_was_chosen(running: Inspector, arguments: list[str], count: int) -> None:
    assert len(tail(running, "--once", *arguments)) == count


def test_tail_prints_messages_that_check_takes(
    running: Inspector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tail(running, "--once", "--json")
    assert [json.loads(line) for line in lines[:4]] == running.messages()
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines))
    assert main(["check", str(file)]) == 1
    assert capsys.readouterr().out.endswith(
        "(upload): upload refused: malformed (hint: not JSON: Invalid control character at: "
        "line 1 column 3 (char 2))\n"
        "5 events: 2 accepted, 1 dropped, 1 Segment refuses it, 1 upload refused\n"
    )


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_tail_prints_nothing_that_a_terminal_obeys_or_cannot_print(
    tmp_path: Path, arguments: list[str]
) -> None:
    """An é is printed as it is where that can be."""
    name = "\x1b[31m\x7f\x9b31m\u202e\ud800 é 🐨"
    with inspecting(tmp_path / "x.db") as inspector:
        inspector.send(track(name))
        for encoding in ("ascii", "utf-8"):
            finished = koala(
                "tail", f"--url={inspector.url}", "--once", *arguments, PYTHONIOENCODING=encoding
            )
            assert (finished.returncode, finished.stderr) == (0, "")
            line = finished.stdout
            assert encoding == "utf-8" or line.isascii()
            assert line.removesuffix("\n").isprintable()
            assert not arguments or json.loads(line)["event"] == name
    assert ("é 🐨" in line) == (not arguments)


def test_tail_prints_what_arrives_until_ctrl_c(tmp_path: Path) -> None:
    with inspecting(tmp_path / "x.db") as inspector:
        process = Process(*command("tail", "--url", inspector.url))
        for name in ("a", "b", "c"):
            inspector.send(track(name, profile_id=ALICE))
            assert f" {name} " in process.line()
        assert process.stop() == (0, "", "")


def test_tail_says_that_no_inspector_answers() -> None:
    port = free_port()
    finished = koala("tail", f"--url=http://127.0.0.1:{port}")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        f"koala-middleware tail: no inspector answers at http://127.0.0.1:{port} "
        "(ConnectionError); koala-middleware inspect starts one\n"
    )


EVENTS = [track("Signed Up", profile_id=ALICE), track("Lost \x07")]


def lines(*events: object) -> str:
    return "".join(f"{json.dumps(event)}\n" for event in events)


@pytest.mark.parametrize(
    ("text", "code", "printed"),
    [
        pytest.param(lines(EVENTS[0]), 0, "1 events: 1 accepted, 0 dropped\n", id="accepted"),
        pytest.param("", 0, "0 events: 0 accepted, 0 dropped\n", id="nothing"),
        pytest.param(
            f"{lines(*EVENTS)}\n",
            1,
            "line 2: Lost \\x07: dropped: no profile id and no email (hint: no ko_id cookie on "
            "this request: the pixel had not run yet; see mint)\n"
            "2 events: 1 accepted, 1 dropped\n",
            id="dropped",
        ),
        pytest.param(
            "[]\n{",
            1,
            "line 1: (no event): upload refused: malformed (hint: expected a JSON object, got "
            "list)\n"
            "line 2: (no event): upload refused: malformed (hint: not JSON: Expecting property "
            "name enclosed in double quotes: line 1 column 2 (char 1))\n"
            "2 events: 0 accepted, 0 dropped, 2 upload refused\n",
            id="no events",
        ),
        pytest.param(
            lines({**EVENTS[0], "userId": None}),
            1,
            "line 1: Signed Up: Segment refuses it: neither userId nor anonymousId (hint: pass "
            "user_id or anonymous_id)\n"
            "1 events: 0 accepted, 0 dropped, 1 Segment refuses it\n",
            id="refused by Segment",
        ),
        pytest.param(
            lines(track("Large", text="x" * MOST_EVENT_BYTES)),
            1,
            "line 1: Large: upload refused: too_large (hint: an event may have 32768 bytes)\n"
            "1 events: 0 accepted, 0 dropped, 1 upload refused\n",
            id="too large",
        ),
    ],
)
def test_check_tells_what_koala_would_drop(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    code: int,
    printed: str,
) -> None:
    """Of a file, and of what is piped to it."""
    file = tmp_path / "events.ndjson"
    file.write_text(text)
    assert main(["check", str(file)]) == code
    assert capsys.readouterr().out == printed
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["check", "-"]) == code
    assert capsys.readouterr().out == printed


def test_check_prints_what_an_ascii_terminal_takes(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(lines(track("é \u202e")))
    finished = koala("check", str(file), PYTHONIOENCODING="ascii")
    assert (finished.returncode, finished.stderr) == (1, "")
    assert finished.stdout.startswith("line 1: \\xe9 \\u202e: dropped: ")


def test_check_says_that_there_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/nowhere/events.ndjson"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_check_needs_no_extra(tmp_path: Path) -> None:
    """It may be run where an application's tests are."""
    file = tmp_path / "events.ndjson"
    file.write_text(lines(EVENTS[0]))
    absent = "sys.modules.update(dict.fromkeys(['starlette', 'rich', 'uvicorn']))"
    finished = koala("check", str(file), before=absent)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("subcommand", ["inspect", "tail"])
def test_without_its_extra_a_command_says_what_to_install(subcommand: str) -> None:
    finished = koala(subcommand, before="sys.modules.update(rich=None, platformdirs=None)")
    assert finished.returncode == 2
    assert re.fullmatch(
        rf"koala-middleware {subcommand}: (rich|platformdirs) is not installed: "
        r"pip install 'koala-middleware\[inspector\]'\n",
        finished.stderr,
    )
