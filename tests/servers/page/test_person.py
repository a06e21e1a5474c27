"""All that one person did."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import OpenPage, listed, row, scroll_to_the_end, track
from tests.visitors import ALICE, BOB


def test_visitor_view_shows_all_of_one_visitor_in_order(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(track("Signed Up"), track("Not hers", BOB), track("Plan Upgraded"))
    page = open_page()
    row(page, "Plan Upgraded").locator(".visitor-link").click()
    listed(page, "Signed Up", "Plan Upgraded")
    expect(page.locator("#visitor-counts")).to_have_text(
        "2 events: 2 reach Koala, 0 dropped; oldest first"
    )
    expect(page.locator("#visitor-names")).to_have_text("· known as u1")
    inspector.send(track("Not hers either", BOB), track("Invoice Paid"))
    listed(page, "Signed Up", "Plan Upgraded", "Invoice Paid")
    expect(page.locator("#visitor-counts")).to_contain_text("3 events")
    page.reload()
    listed(page, "Signed Up", "Plan Upgraded", "Invoice Paid")
    page.click("#back")
    listed(page, "Invoice Paid", "Not hers either", "Plan Upgraded", "Not hers", "Signed Up")


def test_person_view_shows_which_events_lack_the_profile_id(
    open_page: OpenPage, inspector: Server
) -> None:
    """Whoever is known by a user id is found by it, also in events that Koala drops."""
    inspector.send(track("Has it"), track("Lacks it", None), {**track("Other"), "userId": "u2"})
    page = open_page()
    row(page, "Lacks it").locator(".person-link").click()
    listed(page, "Has it", "Lacks it")
    expect(page.locator("#visitor-title")).to_have_text("Person u1")
    expect(page.locator("#visitor-names")).to_contain_text(f"known as {ALICE}")
    expect(page.locator(".lacking")).to_have_text("· 1 event has a profile id; 1 lacks it")
    page.get_by_role("button", name="Filter the list").click()
    expect(page.locator("#search")).to_have_value("person:u1")
    listed(page, "Lacks it", "Has it")


def test_visitor_view_loads_the_rest_when_it_is_scrolled(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(*(track(f"Event {number}") for number in range(1200)))
    page = open_page(f"?visitor={ALICE}")
    expect(row(page, "Event 0").first).to_be_visible()
    inspector.send(track("The end"))
    scroll_to_the_end(page, "The end")
