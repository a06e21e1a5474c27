"""The commands ``inspect``, ``tail`` and ``check``, run as their users run them."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from koala_middleware.__main__ import main
from koala_middleware.inspector import causes
from koala_middleware.inspector.causes import CAUSES
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from tests.inspecting import Inspector, inspecting
from tests.processes import ELSEWHERE, Process, Server, command, free_port, run
from tests.visitors import ALICE, BOB


def run_command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run(*command(*arguments), **environ)


class Inspect(Server):
    """An inspector in a process of its own."""

    def __init__(self, db: Path, *arguments: str) -> None:
        super().__init__("inspect", f"--db={db}", *arguments)
        self.greeting += self.line() + self.line()

    def connect(self) -> closing[HTTPConnection]:
        return closing(HTTPConnection("127.0.0.1", self.port, timeout=5))

    def post_events(self, *names: str) -> int:
        with self.connect() as connection:
            return post(connection, *names)


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
    inspector = Inspect(db)
    assert inspector.greeting == (
        f"Open {inspector.url}; Ctrl-C stops. In your application: "
        f'analytics.host = "{inspector.url}"\nThe events are kept in {db}.\n'
        "Why does an event have no visitor? Run your application with KOALA_EXPLAIN=1.\n"
    )
    assert inspector.post_events("a") == 200
    code, stdout, stderr = inspector.stop(number)
    assert (code, stderr) == (0, "")
    assert stdout.splitlines()[1:] == ["1 event: 0 reach Koala, 1 dropped"]
    assert stored(db) == ["a"]


def test_inspect_stops_in_silence_while_a_page_watches(tmp_path: Path) -> None:
    """Else uvicorn would wait, and say that it cancels what has not ended by itself."""
    inspector = Inspect(tmp_path / "x.db")
    with inspector.connect() as connection:
        connection.request("GET", "/api/stream?after=0")
        response = connection.getresponse()
        inspector.post_events("a")
        assert response.readline() == b": live\r\n"
        assert inspector.stop(signal.SIGTERM)[::2] == (0, "")


def lost(name: str, cause: str, call: str = "billing/tasks.py:88") -> dict[str, Any]:
    return {**track(name), "context": {"koala": {"cause": cause, "call": call}}}


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--fail-on-dropped"], 1)])
def test_inspect_prints_each_cause_once_and_a_sum(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    inspector = Inspect(tmp_path / "x.db", *arguments)
    for number in range(3):
        sent = (lost(f"a{number}", "no_request"), lost(f"b{number}", "no_cookie"))
        with inspector.connect() as connection:
            body = {"batch": [*sent, track(f"c{number}", profile_id=ALICE)]}
            connection.request("POST", "/v1/batch", json.dumps(body))
            assert connection.getresponse().status == 200
        time.sleep(0.6)
    returned, stdout, stderr = inspector.stop(signal.SIGINT)
    assert (returned, stderr) == (code, "")
    no_cookie, no_request, total = stdout.splitlines()
    assert no_request.startswith(
        "a0 at billing/tasks.py:88: Koala drops it: Called outside a request (no_request). Take"
    )
    assert "(no_cookie)" in no_cookie
    assert total == "9 events: 3 reach Koala, 6 dropped"


def test_inspect_does_not_fail_where_nothing_was_dropped(tmp_path: Path) -> None:
    inspector = Inspect(tmp_path / "x.db", "--fail-on-dropped")
    with inspector.connect() as connection:
        body = {"batch": [track("a", profile_id=ALICE), {**track("b"), "type": "page"}]}
        connection.request("POST", "/v1/batch", json.dumps(body))
        assert connection.getresponse().status == 200
    assert inspector.stop(signal.SIGINT) == (
        0,
        "2 events: 1 reach Koala, 0 dropped, 1 never taken\n",
        "",
    )


def test_nothing_acknowledged_is_missing_after_kill_9(tmp_path: Path) -> None:
    """And what is sent again, because its acknowledgement was lost, is stored once."""
    db = tmp_path / "x.db"
    inspector = Inspect(db)
    acknowledged: list[str] = []
    unanswered: list[str] = []

    def send() -> None:
        with inspector.connect() as connection:
            while True:
                names = [uuid4().hex for _ in range(5)]
                try:
                    assert post(connection, *names) == 200
                except (OSError, HTTPException):
                    unanswered.extend(names)
                    return
                acknowledged.extend(names)

    senders = [Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    assert inspector.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    for sender in senders:
        sender.join()

    found = stored(db)
    assert len(acknowledged) > 50
    assert set(acknowledged) <= set(found) <= {*acknowledged, *unanswered}
    again = Inspect(db)
    assert again.post_events(*unanswered) == 200
    assert again.stop(signal.SIGINT)[0] == 0
    assert sorted(stored(db)) == sorted(acknowledged + unanswered)


def test_inspect_keeps_its_events_in_the_state_directory(tmp_path: Path) -> None:
    home = str(tmp_path)
    with Server("inspect", "--keep=2", XDG_STATE_HOME=home, HOME=home) as inspector:
        kept = re.search("kept in (.*)[.]\n", inspector.line())
    assert kept is not None
    assert Path(kept[1]).is_relative_to(tmp_path)
    assert Path(kept[1]).name == "inspector.db"


def test_inspect_warns_where_others_can_reach_it_and_serves_the_names_it_is_told(
    tmp_path: Path,
) -> None:
    inspector = Inspect(tmp_path / "x.db", "--host=0.0.0.0", "--allow-host=Inspector")
    for host, status in (("inspector", 200), (socket.gethostname(), 200), ("evil.example", 403)):
        with inspector.connect() as connection:
            connection.request("GET", "/api/stats", headers={"Host": host})
            assert connection.getresponse().status == status
    code, _, stderr = inspector.stop(signal.SIGINT)
    assert code == 0
    assert stderr.startswith(
        "koala-middleware inspect: warning: anybody who reaches 0.0.0.0 can read"
    )
    assert stderr.count("\n") == 1


def test_inspect_forwards_and_says_once_that_it_cannot(tmp_path: Path) -> None:
    port = free_port()
    inspector = Inspect(tmp_path / "x.db", f"--forward=http://127.0.0.1:{port}")
    assert inspector.post_events("a") == 200
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
    finished = run_command("inspect", "--port=0", *(each.format(**names) for each in arguments))
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("koala-middleware inspect: ")
    assert message.format(**names) in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run_command("inspect", f"--port={port}")
    assert finished.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: [Errno" in finished.stderr


def test_a_port_that_an_inspector_has_is_told(running: Inspector) -> None:
    port = running.url.rpartition(":")[2]
    finished = run_command("inspect", f"--port={port}")
    assert finished.returncode == 2
    assert f": an inspector runs there already: open {running.url}; " in finished.stderr


@pytest.mark.parametrize("name", ["http://inspector", "inspector:8765", ""])
def test_a_name_to_allow_is_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["inspect", f"--allow-host={name}"])
    assert "argument --allow-host: expected a name such as" in capsys.readouterr().err


def test_a_url_to_tail_is_a_url() -> None:
    finished = run_command("tail", "--url=127.0.0.1:8765")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("koala-middleware tail: --url: expected a URL such as http")


def test_inspect_does_not_forward_to_itself(tmp_path: Path) -> None:
    """Where it listens on all addresses, each of this machine is its own."""
    port = free_port()
    target = f"http://127.0.0.2:{port}"
    arguments = ("--host=0.0.0.0", f"--port={port}", f"--db={tmp_path / 'x.db'}")
    finished = run_command("inspect", *arguments, f"--forward={target}")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.endswith(f"--forward: {target} is this inspector itself\n")


def test_only_one_inspector_forwards_from_a_file(tmp_path: Path) -> None:
    db = tmp_path / "x.db"
    first = Inspect(db, "--forward=http://127.0.0.1:9")
    second = run_command("inspect", "--port=0", f"--db={db}", "--forward=http://127.0.0.1:9")
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"koala-middleware inspect: another inspector forwards from {db}; "
        "choose another file with --db\n"
    )
    assert first.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    third = Inspect(db, "--forward=http://127.0.0.1:9")  # a killed one has no claim
    assert third.post_events("a") == 200
    assert third.stop(signal.SIGINT)[0] == 0


def test_inspect_says_what_it_refuses(tmp_path: Path) -> None:
    inspector = Inspect(tmp_path / "x.db")
    with inspector.connect() as connection:
        connection.request("POST", "/v1/batch", b'{"batch": NaN}')
        assert connection.getresponse().status == 400
    code, stdout, stderr = inspector.stop(signal.SIGINT)
    assert stdout == "1 event: 0 reach Koala, 0 dropped, 1 uploads refused\n"
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
            lost("Invoice Paid", "no_request"),
        )
        running.ask("POST", "/v1/batch", b'["\x1b[2J"')
        yield running


def tail(inspector: Inspector, *arguments: str) -> list[str]:
    finished = run_command(
        "tail", f"--url={inspector.url}/", *arguments, COLUMNS="40", http_proxy="http://127.0.0.1:9"
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout.splitlines()


def test_tail_prints_what_is_there(running: Inspector) -> None:
    """Oldest first, each on one line however long, and nothing that a terminal obeys."""
    signed_up, red, page, no_one, paid, upload = tail(running, "--once")
    assert re.fullmatch(rf"\d\d:\d\d:\d\d Signed Up +{ALICE} reaches Koala", signed_up)
    assert rf" \x1b[31mRed\n[bold] {BOB} reaches Koala" in re.sub(" +", " ", red)
    assert re.search("[(]page[)] +no profile id +Koala never takes it: not subscribed [(]h", page)
    assert "drops it: no profile id and no email, no_request at billing/tasks.py:88 (hint: " in paid
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
        (["--type=page"], 1),
        (["--text=signed UP"], 1),
        (["--text=cause:no_request", "--type=track"], 1),
    ],
)
def test_tail_prints_what_was_chosen(running: Inspector, arguments: list[str], count: int) -> None:
    assert len(tail(running, "--once", *arguments)) == count


def test_tail_prints_messages_that_check_takes(
    running: Inspector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tail(running, "--once", "--json")
    assert [json.loads(line) for line in lines[:4]] == running.messages()[:4]
    assert json.loads(lines[4])["context"]["koala"]["cause"] == "no_request"
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines))
    assert main(["check", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "1 × Koala drops it: Called outside a request (no_request)\n" in printed
    assert "    line 5: Invoice Paid at billing/tasks.py:88\n" in printed
    assert printed.endswith(
        "1 × upload refused: malformed\n    line 6: (upload)\n"
        "  not JSON: Invalid control character at: line 1 column 3 (char 2)\n\n"
        "6 events: 2 reach Koala, 1 dropped, 1 never taken, 1 refused by Segment, "
        "1 uploads refused\n"
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_tail_fits_a_terminal(running: Inspector, columns: int) -> None:
    """One line an event, cut at its end."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb"}
    arguments = [sys.executable, *command("tail", f"--url={running.url}", "--once")]
    subprocess.run(arguments, cwd=ELSEWHERE, env=environ, stdout=theirs, check=True, timeout=30)
    os.close(theirs)
    printed = os.read(ours, 1 << 16).decode()
    os.close(ours)
    lines = printed.splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= columns
    assert f" {ALICE[:12]}… reaches Koala" in lines[0]
    assert lines[-2].endswith("…")


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_tail_prints_nothing_that_a_terminal_obeys_or_cannot_print(
    tmp_path: Path, arguments: list[str]
) -> None:
    """An é is printed as it is where that can be."""
    name = "\x1b[31m\x7f\x9b31m\u202e\ud800 é 🐨"
    with inspecting(tmp_path / "x.db") as inspector:
        inspector.send(track(name))
        for encoding in ("ascii", "utf-8"):
            finished = subprocess.run(
                [sys.executable, *command("tail", f"--url={inspector.url}", "--once", *arguments)],
                cwd=ELSEWHERE,
                env={**os.environ, "PYTHONIOENCODING": encoding},
                capture_output=True,
            )
            assert (finished.returncode, finished.stderr) == (0, b"")
            line = finished.stdout.decode(encoding)
            assert line.removesuffix("\n").isprintable()
            assert not arguments or json.loads(line)["event"] == name
    assert ("é 🐨" in line) == (not arguments)


def test_tail_prints_what_arrives_until_ctrl_c(tmp_path: Path) -> None:
    with (
        inspecting(tmp_path / "x.db") as inspector,
        Process(*command("tail", "--url", inspector.url)) as process,
    ):
        for name in ("a", "b", "c"):
            inspector.send(track(name, profile_id=ALICE))
            assert f" {name} " in process.line()
        assert process.stop() == (0, "", "")


def test_tail_says_that_no_inspector_answers() -> None:
    port = free_port()
    finished = run_command("tail", f"--url=http://127.0.0.1:{port}")
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
        pytest.param(lines(EVENTS[0]), 0, "1 event: 1 reach Koala, 0 dropped\n", id="accepted"),
        pytest.param(
            lines({**EVENTS[0], "type": "page"}),
            0,
            "1 event: 0 reach Koala, 0 dropped, 1 never taken\n",
            id="never taken",
        ),
        pytest.param("", 1, "0 events: 0 reach Koala, 0 dropped\n", id="nothing"),
        pytest.param(
            f"{lines(*EVENTS)}\n",
            1,
            "1 × Koala drops it: Cause unknown (unknown)\n    line 2: Lost \\x07\n"
            "  The event does not say. Set KOALA_EXPLAIN=1 where your application runs, or the "
            "option explain, and it will.\n"
            "      KOALA_EXPLAIN=1 python manage.py runserver\n\n"
            "2 events: 1 reach Koala, 1 dropped\n",
            id="dropped",
        ),
        pytest.param(
            lines(*(lost(f"Lost {number}", "refused") for number in range(5))),
            1,
            "5 × Koala drops it: Refused by the request_filter (refused)\n"
            "    line 1: Lost 0 at billing/tasks.py:88\n"
            "    line 2: Lost 1 at billing/tasks.py:88\n"
            "    line 3: Lost 2 at billing/tasks.py:88\n"
            "    and 2 more\n"
            f"  {CAUSES['refused'].remedy}\n      {CAUSES['refused'].snippet}\n\n"
            "5 events: 0 reach Koala, 5 dropped\n",
            id="one cause",
        ),
        pytest.param(
            "[]\n{",
            1,
            "1 × upload refused: malformed\n    line 1: (no event)\n"
            "  expected a JSON object, got list\n\n"
            "1 × upload refused: malformed\n    line 2: (no event)\n"
            "  not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
            "(char 1)\n\n"
            "2 events: 0 reach Koala, 0 dropped, 2 uploads refused\n",
            id="no events",
        ),
        pytest.param(
            lines({**EVENTS[0], "userId": None}),
            1,
            "1 × Segment refuses it: neither userId nor anonymousId\n    line 1: Signed Up\n"
            "  pass user_id or anonymous_id\n\n"
            "1 event: 0 reach Koala, 0 dropped, 1 refused by Segment\n",
            id="refused by Segment",
        ),
        pytest.param(
            lines(track("Large", text="x" * MOST_EVENT_BYTES)),
            1,
            "1 × upload refused: too_large\n    line 1: Large\n"
            "  an event may have 32768 bytes\n\n"
            "1 event: 0 reach Koala, 0 dropped, 1 uploads refused\n",
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


def test_check_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(lines(EVENTS[0], lost("Lost", "no_cookie")))
    assert main(["check", "--json", str(file)]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["total"], printed["accepted"], printed["dropped"]) == (2, 1, 1)
    (issue,) = printed["issues"]
    assert (issue["cause"], issue["count"]) == ("no_cookie", 1)
    assert issue["examples"] == [{"line": 2, "event": "Lost", "call": "billing/tasks.py:88"}]


def test_check_of_an_empty_file_may_be_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.ndjson"
    file.touch()
    assert main(["check", str(file)]) == 1
    assert "--allow-empty" in capsys.readouterr().err
    assert main(["check", "--allow-empty", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_check_prints_where_the_docs_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causes, "_documentation", lambda: "https://docs.example")
    file = tmp_path / "events.ndjson"
    file.write_text(lines(lost("Lost", "no_cookie")))
    assert main(["check", str(file)]) == 1
    link = "  https://docs.example/troubleshooting.html#cause-no-cookie\n"
    assert link in capsys.readouterr().out


def test_check_prints_what_an_ascii_terminal_takes(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(lines(track("é \u202e")))
    finished = run_command("check", str(file), PYTHONIOENCODING="ascii")
    assert (finished.returncode, finished.stderr) == (1, "")
    assert "    line 1: \\xe9 \\u202e\n" in finished.stdout


def test_check_says_that_there_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/nowhere/events.ndjson"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_check_needs_no_extra(tmp_path: Path) -> None:
    """It may be run where an application's tests are."""
    file = tmp_path / "events.ndjson"
    file.write_text(lines(EVENTS[0]))
    absent = "sys.modules.update(dict.fromkeys(['starlette', 'rich', 'uvicorn']))"
    finished = run(*command("check", str(file), before=absent))
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("subcommand", ["inspect", "tail"])
def test_without_its_extra_a_command_says_what_to_install(subcommand: str) -> None:
    absent = "sys.modules.update(dict.fromkeys(['rich', 'platformdirs']))"
    finished = run(*command(subcommand, before=absent))
    assert finished.returncode == 2
    assert re.fullmatch(
        rf"koala-middleware {subcommand}: (rich|platformdirs) is not installed: "
        r"pip install 'koala-middleware\[inspector\]'\n",
        finished.stderr,
    )
