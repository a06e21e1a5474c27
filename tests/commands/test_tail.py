"""koala-middleware tail."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from koala_middleware.__main__ import main
from tests.commands.running import run_command, tail, track
from tests.inspecting import Inspector, inspecting
from tests.processes import ELSEWHERE, Process, command, free_port
from tests.visitors import ALICE, BOB


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
