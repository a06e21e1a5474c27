"""koala-middleware check."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from koala_middleware.__main__ import main
from koala_middleware.inspector import causes
from koala_middleware.inspector.causes import CAUSES
from koala_middleware.inspector.limits import MOST_EVENT_BYTES
from tests.commands.running import lines, lost, run_command, track
from tests.processes import command, run
from tests.visitors import ALICE

EVENTS = [track("Signed Up", profile_id=ALICE), track("Lost \x07")]


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
