"""The demo, run as its users run it. In processes of its own: Django is set up but once in each."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from koala_middleware.__main__ import main
from koala_middleware.demo.actions import ACTIONS
from koala_middleware.demo.play import _arrived
from koala_middleware.inspector.server.listening import is_loopback, listen, url_of
from koala_middleware.inspector.storage.event_store import EventStore
from tests.processes import command, run


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def demo(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run("-W", "error", "-m", "koala_middleware", "demo", *arguments, **environ)


def rows(output: str) -> list[list[str]]:
    cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines())
    _, *rows = (row for row in cells if len(row) == 6)
    return rows


def test_once_shows_each_event_with_its_own_visitor() -> None:
    """Also where a proxy is set, which cannot reach this machine, and with no more than ASCII."""
    proxy = "http://127.0.0.1:9"
    finished = demo("--once", PYTHONIOENCODING="ascii", http_proxy=proxy, ALL_PROXY=proxy)
    assert (finished.returncode, finished.stderr) == (0, "")
    table = rows(finished.stdout)
    assert [(site, event) for site, event, *_ in table] == [
        (action.site, action.event) for action in ACTIONS for _ in range(3)
    ]
    cookies = [row[3] for row in table]
    assert cookies == [*cookies[:3]] * len(ACTIONS)
    assert len(set(cookies)) == 3
    assert cookies[1] == "none"
    assert [row[4] for row in table] == cookies
    assert [row[5] for row in table[:3]] == ["accepted", "dropped", "accepted"]
    assert "30 of 30 events are right" in finished.stdout
    assert ("dropped: no profile id and no email (10 events): ") in finished.stdout


@pytest.mark.parametrize(
    ("fault", "right", "problem"),
    [
        pytest.param(
            # Twice, because a site's middleware instruments when its first request comes.
            "import koala_middleware; from koala_middleware.__main__ import main; "
            "assert main(['demo', '--once']) == 0; koala_middleware.uninstrument(); "
            "from koala_middleware.demo import command; command.instrument = lambda: None",
            10,
            r"Flask, Product Added: expected the profile id [0-9a-f-]{36}, got None",
            id="no event carries an id",
        ),
        pytest.param(
            "from koala_middleware import Visitor; Visitor.profile_id = 'leaked'; "
            "from koala_middleware.demo import actions, play; "
            "play.ACTIONS = actions.ACTIONS[:1]",
            0,
            r"Django, Signed Up: expected the profile id None, got leaked",
            id="all events carry the same id",
        ),
    ],
)
def test_once_fails_and_tells_what_is_wrong(fault: str, right: int, problem: str) -> None:
    finished = run(*command("demo", "--once", before=fault), PYTHONIOENCODING="utf-8")
    assert finished.returncode == 1
    assert re.search(problem, finished.stdout)
    assert f"\n{right} of " in finished.stdout
    assert finished.stderr == ""


def test_once_tells_of_each_event_that_did_not_come_and_of_each_that_should_not() -> None:
    actions = """
from koala_middleware.demo import actions, play
play.MOST_SECONDS = 3
play.ACTIONS = [
    actions.ACTIONS[0]._replace(path="/flask/lost"),
    actions.ACTIONS[1]._replace(path="/not a path"),
    actions.ACTIONS[2]._replace(event="Report Signed"),
    actions.ACTIONS[3],
]"""
    finished = run(*command("demo", "--once", before=actions), PYTHONIOENCODING="utf-8")
    assert finished.returncode == 1
    lines = finished.stdout.splitlines()
    for line in (
        "Django, Signed Up: expected this event once, got []; the site answered 404 Not Found",
        "Django, Report Signed: expected this event once, got ['Report Exported']; "
        "the site answered 200 OK",
    ):
        assert lines.count(line) == 3
    assert finished.stdout.count("the site answered nothing: InvalidURL(") == 3
    assert lines[-1].startswith("3 of 12 events are right")


def test_an_event_of_somebody_else_is_not_counted(tmp_path: Path) -> None:
    with closing(EventStore(tmp_path / "x.db")) as store:
        store.add([{"messageId": "m", "properties": "none"}])
        assert _arrived(store, set(), lambda: None) == {}


@pytest.mark.parametrize(
    ("host", "url", "loopback"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}", True),
        ("0.0.0.0", "http://127.0.0.1:{}", False),
        pytest.param("::1", "http://[::1]:{}", True, marks=needs_ipv6),
        pytest.param("::", "http://[::1]:{}", False, marks=needs_ipv6),
    ],
)
def test_a_listener_s_url_can_be_opened_on_this_machine(
    host: str, url: str, loopback: bool
) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == url.format(port)
        assert is_loopback(listener) == loopback
        socket.create_connection((urlsplit(url_of(listener)).hostname, port), timeout=5).close()


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = demo("--port", str(port))
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert re.fullmatch(
        rf"koala-middleware demo: cannot listen on 127.0.0.1 port {port}: .*Address already in use"
        r".*; choose others with --host and --port \(0 picks a free one\)\n",
        finished.stderr,
    )


def test_a_host_that_cannot_be_is_told() -> None:
    host = "a" * 64  # more than DNS has room for
    finished = demo("--host", host)
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"koala-middleware demo: cannot listen on {host} port 8765: ")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http", "٣", ""])
def test_a_port_that_is_none_is_told(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--port={port}"])
    assert f"expected a number from 0 to 65535, got {port!r}" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["starlette", "rich"])
def test_without_its_extra_the_demo_says_what_to_install(module: str) -> None:
    finished = run(*command("demo", before=f"sys.modules[{module!r}] = None"))
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr == (
        f"koala-middleware demo: {module} is not installed: pip install 'koala-middleware[demo]'\n"
    )
