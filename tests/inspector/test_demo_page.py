"""The demo that runs until Ctrl-C, in a process of its own: Django is set up but once in each."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from koala_middleware.demo.actions import ACTIONS
from tests.interpreters import ELSEWHERE
from tests.visitors import ALICE

# A shell makes its background jobs, and so what they start, ignore Ctrl-C.
START = """
import signal, sys
from koala_middleware.__main__ import main
from koala_middleware.inspector.storage.event_store import EventStore
signal.signal(signal.SIGINT, signal.default_int_handler)
{}
sys.exit(main(["demo", "--port=0", *sys.argv[1:]]))
"""


class Demo:
    """A demo that runs until it is told to stop."""

    def __init__(self, *arguments: str, patch: str = "") -> None:
        command = [sys.executable, "-W", "error", "-c", START.format(patch), *arguments]
        self.process = subprocess.Popen(
            command, cwd=ELSEWHERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found is not None
        self.port = int(found[1])

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.status, response.read().decode(), response.headers
        connection.close()
        return answer

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = json.loads(self.ask("GET", "/api/events")[1])["events"]
        return events

    def stop(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        stdout, stderr = self.process.communicate(timeout=10)
        return self.process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    running = Demo()
    yield running
    assert running.stop() == (0, "", "")


def test_the_page_has_a_button_for_each_action_and_loads_nothing_from_outside(
    running: Demo,
) -> None:
    status, page, headers = running.ask("GET", "/")
    assert status == 200
    assert re.findall(r'data-path="([^"]*)"', page) == [action.path for action in ACTIONS]
    assert "://" not in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")


@pytest.mark.parametrize("site", ["django", "flask", "starlette"])
def test_each_site_has_a_page_of_its_own(running: Demo, site: str) -> None:
    status, page, _ = running.ask("GET", f"/{site}/")
    assert status == 200
    assert [f"/{site}/{action}" for action in re.findall('action="([^"]*)"', page)] == [
        action.path for action in ACTIONS if action.site.lower() == site
    ]


def test_a_pressed_button_s_event_is_listed(running: Demo) -> None:
    assert running.ask("POST", "/flask/cart?ref=mine", Cookie=f"ko_id={ALICE}")[0] == 200
    deadline = time.monotonic() + 5
    while not running.events():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (event,) = running.events()
    assert (event["event"], event["profile_id"]) == ("Product Added", ALICE)
    assert event["message"]["properties"]["ref"] == "mine"


def test_a_demo_for_others_warns_and_sends_its_last_events_at_ctrl_c() -> None:
    """The SDK keeps an event for up to half a second; the collector is to outlive it."""
    telling = """
add = EventStore.add
def telling(self, messages, write_key):
    print(messages[0]["event"])
    return add(self, messages, write_key)
EventStore.add = telling"""
    demo = Demo("--host=0.0.0.0", patch=telling)
    assert demo.ask("POST", "/starlette/project")[0] == 200
    code, stdout, stderr = demo.stop()
    assert (code, stdout) == (0, "Project Created\n")
    assert stderr.startswith("koala-middleware demo: warning: whoever reaches 0.0.0.0 can read")
    assert stderr.count("\n") == 1
