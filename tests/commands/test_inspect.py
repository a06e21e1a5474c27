"""The commands ``inspect``, ``tail`` and ``check``, run as their users run them."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from koala_middleware.__main__ import main
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from tests.commands.running import lost, run_command, track
from tests.inspecting import Inspector
from tests.processes import Server, command, free_port, run
from tests.visitors import ALICE


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
