"""The page in Firefox: it does in other ways what a page of server-sent events needs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import pytest

from tests.missing import skip_without
from tests.processes import Server
from tests.servers.page.firefox import Firefox, firefox
from tests.servers.page.helpers import SCREENSHOTS, explained, track

NAMES = "[...document.querySelectorAll('#rows .event > bdi')].map(name => name.textContent)"
ISSUE = "document.querySelector('#issue-list strong')?.textContent"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        skip_without("firefox-esr is not installed")
    with firefox(program, tmp_path_factory.mktemp("firefox")) as tab:
        tab.resize(1280, 800)
        yield tab


def test_firefox_is_live_at_once_and_takes_what_arrives(tab: Firefox, inspector: Server) -> None:
    """It takes a stream for open only when something comes: see live.py."""
    inspector.ask("DELETE", "/api/events")
    tab.open(inspector.url)
    start = time.monotonic()
    tab.wait("document.getElementById('connection').dataset.state", "live")
    assert time.monotonic() - start < 10  # a stream's first sign of life comes after 15
    inspector.send(track("Signed Up"))
    tab.wait(NAMES, ["Signed Up"])
    inspector.send(explained("no_cookie", "Order Completed"))
    tab.wait(NAMES, ["Order Completed", "Signed Up"])
    tab.wait(ISSUE, "No cookie in the request")


def test_firefox_opens_searches_and_fits(tab: Firefox, inspector: Server) -> None:
    inspector.ask("DELETE", "/api/events")
    inspector.send(track("Signed Up"), explained("no_cookie", "Order Completed"))
    tab.open(inspector.url)
    tab.wait(NAMES, ["Order Completed", "Signed Up"])
    tab.type("/signed")
    tab.wait(NAMES, ["Signed Up"])
    tab.click("#reset")
    tab.wait(NAMES, ["Order Completed", "Signed Up"])
    tab.wait(ISSUE, "No cookie in the request")  # it moves the list below it
    tab.click("#rows [aria-rowindex='2'] .event")
    tab.wait("document.querySelector('#detail .why')?.textContent", "No cookie in the request")
    tab.photograph(SCREENSHOTS / "inspector-firefox.png")
    for width in (1280, 640, 320):
        tab.resize(width, 800)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
