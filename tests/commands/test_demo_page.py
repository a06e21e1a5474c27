"""The demo that runs until Ctrl-C, in a process of its own: Django is set up but once in each."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from koala_middleware.demo.actions import ACTIONS
from tests.processes import Server
from tests.visitors import ALICE


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    running = Server("demo")
    yield running
    assert running.stop() == (0, "", "")


def test_the_page_has_a_button_for_each_action_and_loads_nothing_from_outside(
    running: Server,
) -> None:
    status, headers, page = running.ask("GET", "/")
    assert status == 200
    assert re.findall(r'data-path="([^"]*)"', page) == [action.path for action in ACTIONS]
    assert "://" not in page
    assert headers["content-security-policy"].startswith("default-src 'none'; ")


@pytest.mark.parametrize("site", ["django", "flask", "starlette"])
def test_each_site_has_a_page_of_its_own(running: Server, site: str) -> None:
    status, _, page = running.ask("GET", f"/{site}/")
    assert status == 200
    assert [f"/{site}/{action}" for action in re.findall('action="([^"]*)"', page)] == [
        action.path for action in ACTIONS if action.site.lower() == site
    ]


def test_a_pressed_button_s_event_is_listed(running: Server) -> None:
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
from koala_middleware.inspector.storage.event_store import EventStore
add = EventStore.add
def telling(self, messages, write_key):
    print(messages[0]["event"])
    return add(self, messages, write_key)
EventStore.add = telling"""
    demo = Server("demo", "--host=0.0.0.0", before=telling)
    assert demo.ask("POST", "/starlette/project")[0] == 200
    code, stdout, stderr = demo.stop()
    assert (code, stdout) == (0, "Project Created\n")
    assert stderr.startswith("koala-middleware demo: warning: anybody who reaches 0.0.0.0 can read")
    assert stderr.count("\n") == 1
