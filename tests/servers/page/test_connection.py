"""The page while the inspector, or the page itself, is away."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Route, expect

from tests.processes import Server
from tests.servers.page.helpers import HIDE, OpenPage, explained, listed, names, track


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
    inspector.send(track("Before"))
    page = open_page()
    listed(page, "Before")
    page.evaluate(HIDE, True)
    inspector.send(track("Meanwhile"))
    page.wait_for_timeout(300)
    assert names(page) == ["Before"]
    page.evaluate(HIDE, False)
    listed(page, "Meanwhile", "Before")
    page.evaluate(HIDE, True)
    inspector.ask("DELETE", "/api/events")
    inspector.send(track("All that is left"))
    page.evaluate(HIDE, False)
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


def test_filters_and_rows_work_without_the_inspector(open_page: OpenPage, tmp_path: Path) -> None:
    """On what is listed; an open event says what is missing, and all comes back by itself."""
    events = f"--db={tmp_path / 'events.db'}"
    with Server("inspect", events) as server:
        server.send(track("Signed Up"), explained("no_cookie", "Órder Completed", plan="team"))
        page = open_page(url=server.url)
        listed(page, "Órder Completed", "Signed Up")
    expect(page.locator("#banner")).to_be_visible()
    page.fill("#search", "order plan:team")
    listed(page, "Órder Completed")
    expect(page.locator("#count")).to_have_text("1 of the 2 listed")
    page.locator("#rows .event").click()
    expect(page.locator("#detail .why")).to_have_text("No cookie in the request")
    expect(page.locator("#detail .note")).to_contain_text("Missing here: the message")
    expect(page.locator("#detail .facts")).to_contain_text("billing/tasks.py:88")
    page.keyboard.press("Escape")
    page.fill("#search", "nobody at all")
    expect(page.locator("#nothing")).to_contain_text("none of the 2 listed events matches")
    page.locator("#nothing button").click()
    listed(page, "Órder Completed", "Signed Up")
    with Server("inspect", events, port=server.port):
        page.fill("#search", "properties.plan:team")
        listed(page, "Órder Completed")
        expect(page.locator("#count")).to_have_text("1 of 2 events")
