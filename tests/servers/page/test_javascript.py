"""The page's JavaScript: its types, its style, and its functions that need no page."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.processes import Server
from tests.servers.page.helpers import ROOT, Npm, OpenPage

Call = Callable[..., Any]


def test_types_and_style(npm: Npm) -> None:
    """By tsconfig.json and biome.json."""
    programs = npm("typescript@5.9.3", "@biomejs/biome@2.6.8") / ".bin"
    for command in (["tsc", "--noEmit", "--checkJs"], ["biome", "lint", "--error-on-warnings"]):
        run = subprocess.run(
            [programs / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr


def test_each_file_says_that_it_is_checked() -> None:
    files = [*ROOT.glob("koala_middleware/*/page/**/*.js")]
    assert len(files) > 40
    for file in files:
        assert file.read_text().startswith("// @ts-check\n"), file


@pytest.fixture
def call(open_page: OpenPage, inspector: Server) -> Call:
    """Call a function of a module of the page with values of JSON."""
    page = open_page()

    def called(module: str, function: str, *arguments: object) -> Any:
        script = f"async (values) => (await import('/static/{module}')).{function}(...values)"
        return page.evaluate(script, arguments)

    return called


def test_search_terms(call: Call) -> None:
    def search(function: str, *arguments: object) -> Any:
        return call("shared/search.js", function, *arguments)

    assert search("term", "event", "Signed Up") == 'event:"Signed Up"'
    assert search("term", "user", 'a"b\\c') == 'user:"a\\"b\\\\c"'
    assert search("withTerm", "a", "type:track") == "a type:track"
    assert search("withTerm", "a type:track", "type:track") == "a type:track"
    assert search("toggled", "a type:track b", "type:track") == "a b"
    assert search("toggled", "", "type:track") == "type:track"
    assert search("hasTerm", "mytype:track", "type:track") is False
    assert search("spanOf", "a since:10m", "x", "y") == "a since:x until:y"
    assert search("spanOf", "until:z a", "x", "y", "timestamp") == "a from:x to:y"


ROW = {
    "type": "track",
    "event": "Órder Completed",
    "user_id": "u1",
    "anonymous_id": None,
    "email": "ann@example.com",
    "profile_id": None,
    "verdict": "dropped",
    "cause": "no_cookie",
    "preview": "plan: team, seats: 8",
    "received_at": 1795435200,
    "timestamp": None,
}


SEARCHES = {
    "": True,
    "order COMPLETED": True,
    "order failed": False,
    '"Órder"': True,
    '"order"': False,
    "event:Órder*": True,
    "event:Order": False,
    "person:u1 type:track": True,
    "person:u2": False,
    "cause:no_cookie verdict:dropped": True,
    "properties.plan:team": True,
    "since:2026-11-23T12:00Z until:2026-11-23T12:01Z": True,
    "until:2026-11-23T12:00Z": False,
    "since:100000d": True,
    "from:2026-11-23T12:00Z": False,
}


def test_rows_match_a_search(call: Call) -> None:
    """As the server's search does it: see tests/inspector."""
    chosen = {q: call("shared/matching.js", "matches", ROW, {"q": q}) for q in SEARCHES}
    assert chosen == SEARCHES
    assert not call("shared/matching.js", "matches", ROW, {"verdict": "accepted"})


def test_differences(call: Call) -> None:
    one = {"a": 1, "b": {"c": [1, 2], "d": None}, "messageId": "x", "same": {"e": 1}}
    other = {"a": 2, "b": {"c": [1, 3]}, "messageId": "y", "same": {"e": 1}}
    assert call("shared/difference.js", "differences", one, other) == [
        ["b.d", None, None],  # undefined, where there is none
        ["a", 1, 2],
        ["b.c", [1, 2], [1, 3]],
    ]


def test_values_are_written_for_readers(call: Call) -> None:
    def written(function: str, *arguments: object) -> Any:
        return call("shared/format.js", function, *arguments)

    assert written("printable", "a\u202eb\u0007", 9) == "a\\u202eb\\u0007"
    assert written("printable", "abcdef", 3) == "abc…"
    assert written("plural", 1, "event") == "1 event"
    assert written("plural", 1200, "event") == "1,200 events"
    passed = [0.5, 59, 61, 7200, 200_000]
    assert [written("ago", 0, each) for each in passed] == [
        "now",
        "59 s ago",
        "1 min ago",
        "2 h ago",
        "2 d ago",
    ]
    assert [written("gap", each) for each in (0, 0.5, 5, 90, 5400)] == [
        "",
        "+500 ms",
        "+5.0 s",
        "+2 min",
        "+1.5 h",
    ]


def test_imported_events_are_cut_into_requests(call: Call) -> None:
    events = call("shared/import.js", "parse", '{"a": 1}\n\n{"refused_upload": {}}\n{"b": 2}')
    assert events == [{"a": 1}, {"b": 2}]
    sizes = [len(batch) for batch in call("shared/import.js", "batches", events * 75)]
    assert sizes == [100, 50]
    large = [{"text": "x" * 90_000}] * 3
    assert [len(batch) for batch in call("shared/import.js", "batches", large)] == [2, 1]


def test_caller_s_message_lacks_what_was_added(call: Call) -> None:
    message = {"anonymousId": "a", "properties": {"profile_id": "a", "plan": "team"}}
    added = ["properties.profile_id", "anonymousId"]
    without = call("detail/way.js", "withoutAdded", message, added)
    assert without == {"properties": {"plan": "team"}}
