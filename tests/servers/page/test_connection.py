"""The page while the inspector, or the page itself, is away."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import (
    Route,
    expect,
)

from tests.processes import Server
from tests.servers.page.helpers import (
    OpenPage,
    listed,
    names,
    track,
)


def test_page_connects_again_and_misses_nothing(open_page: OpenPage, tmp_path: Path) -> None:
    events = f"--db={tmp_path / 'events.db'}"
    with Server("inspect", events) as server:
        server.send(track("Before"))
        page = open_page(url=server.url)
        listed(page, "Before")
    expect(page.locator("#banner")).to_contain_text("does not answer")
    listed(page, "Before")
    with Server("inspect", events, port=server.port) as again:
        again.send(track("After"))
        listed(page, "After", "Before")
        expect(page.locator("#banner")).to_be_hidden()
    with Server("inspect", f"--db={tmp_path / 'other.db'}", port=server.port) as other:
        expect(page.locator("#empty")).to_be_visible()
        other.send(track("Elsewhere"))
        listed(page, "Elsewhere")


def test_hidden_page_catches_up_when_it_is_seen_again(
    open_page: OpenPage, inspector: Server
) -> None:
    """It lets its connection go meanwhile: a browser has but six to a server."""
    hide = """hidden => {
      Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page = open_page()
    inspector.send(track("Before"))
    listed(page, "Before")
    page.evaluate(hide, True)
    inspector.send(track("Meanwhile"))
    page.wait_for_timeout(300)
    assert names(page) == ["Before"]
    page.evaluate(hide, False)
    listed(page, "Meanwhile", "Before")
    page.evaluate(hide, True)
    inspector.ask("DELETE", "/api/events")
    inspector.send(track("All that is left"))
    page.evaluate(hide, False)
    listed(page, "All that is left")


def test_forwarding_s_state_and_fault_are_told(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#forward")).to_be_hidden()
    fault = "https://api.segment.io answered 503"
    counts = {"pending": 7, "sent": 1200, "refused": 0, "given_up": 2, "fault": fault}
    forward = {"to": "https://api.segment.io", **counts}

    def forwarding(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "forward": forward})

    page.route("**/api/stats?*", forwarding)
    page.get_by_role("radio", name="1 h", exact=True).check()
    expect(page.locator("#forward")).to_have_text(
        "Forwarding https://api.segment.io · uploads: 7 pending, 1,200 sent, 2 given up "
        "· https://api.segment.io answered 503"
    )
    page.unroute_all(behavior="ignoreErrors")
