"""The list: what arrives, and what holds it still."""

from __future__ import annotations

import os
import re
from itertools import count as counting
from threading import Event, Thread

import pytest
from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import OpenPage, listed, names, row, track
from tests.visitors import ALICE


def test_empty_page_tells_how_to_point_an_app_at_it(open_page: OpenPage, inspector: Server) -> None:
    page = open_page()
    line = f'analytics.host = "{inspector.url}"'
    expect(page.locator("#empty")).to_contain_text(line)
    for framework in ("Django", "Flask", "Starlette"):
        expect(page.locator("#empty dt").filter(has_text=framework)).to_be_visible()
    page.click("#copy-snippet")
    expect(page.locator("#copy-snippet")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == line
    page.click("#send-test")
    listed(page, "Test Event")
    expect(page.locator("#empty")).to_be_hidden()


def test_events_arrive_without_a_reload_newest_first(
    open_page: OpenPage, inspector: Server
) -> None:
    page = open_page()
    inspector.send(track("Signed Up"))
    listed(page, "Signed Up")
    inspector.send(track("Plan Upgraded", None))
    listed(page, "Plan Upgraded", "Signed Up")
    expect(row(page, "Signed Up").locator(".badge")).to_have_text("Reaches Koala")
    expect(row(page, "Signed Up")).to_contain_text(ALICE)
    dropped = row(page, "Plan Upgraded")
    expect(dropped.locator(".badge")).to_have_text("Koala drops it")
    expect(dropped).to_contain_text("no profile id and no email")
    expect(dropped).to_contain_text("track")
    expect(dropped).to_contain_text("u1")
    expect(page.locator("#count")).to_have_text("2 events")


def test_who_is_a_user_an_email_or_an_anonymous_id(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(
        {"type": "identify", "userId": "u1", "traits": {"email": "ann@example.com"}},
        {"type": "track", "anonymousId": "anon-1", "event": "Seen"},
        {"type": "page", "name": "Pricing"},
    )
    page = open_page()
    expect(row(page, "(identify)").locator(".who")).to_have_text("u1 ann@example.com")
    expect(row(page, "Seen").locator(".who")).to_have_text("anon anon-1")
    expect(row(page, "Pricing").locator(".who")).to_have_text("nobody")


def test_pause_holds_what_arrives_and_counts_it(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Before"))
    page = open_page()
    listed(page, "Before")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
    inspector.send(track("One"), track("Two"))
    expect(page.locator("#news")).to_have_text("2 events waiting")
    assert names(page) == ["Before"]
    page.keyboard.press("p")
    listed(page, "Two", "One", "Before")
    expect(page.locator("#news")).to_be_hidden()


def test_pause_holds_a_visitor_s_events_too(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Before"))
    page = open_page(f"?visitor={ALICE}")
    listed(page, "Before")
    page.get_by_role("button", name="Pause").click()
    inspector.send(track("After"))
    expect(page.locator("#news")).to_have_text("1 event waiting")
    page.click("#news")
    listed(page, "Before", "After")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_arriving_events_do_not_move_what_is_read(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(*(track(f"Event {number}") for number in range(200)))
    page = open_page()
    expect(row(page, "Event 199")).to_be_visible()
    page.evaluate("document.getElementById('grid').scrollTop = 1000")
    expect(row(page, "Event 160")).to_be_visible()
    before = row(page, "Event 160").bounding_box()
    inspector.send(*(track(f"New {number}") for number in range(30)))
    expect(page.locator("#news")).to_have_text("30 new ↑")
    assert row(page, "Event 160").bounding_box() == before
    page.click("#news")
    expect(row(page, "New 29")).to_be_visible()
    expect(page.locator("#news")).to_be_hidden()


def test_new_issue_does_not_move_the_list_under_a_pointer(
    open_page: OpenPage, inspector: Server
) -> None:
    page = open_page()
    inspector.send(track("Signed Up"))
    first = row(page, "Signed Up").locator(".event")
    expect(page.locator("#total")).to_have_text("1")
    first.hover()
    before = first.bounding_box()
    inspector.send(track("Lost", None))
    expect(page.locator("#dropped")).to_have_text("1")
    assert first.bounding_box() == before
    page.mouse.move(0, 0)
    expect(page.locator("#issue-list li")).to_have_count(1)


def test_row_stays_the_same_element_when_the_list_changes_its_size(
    open_page: OpenPage, inspector: Server
) -> None:
    """Else a click that has begun on it is lost."""
    inspector.send(track("Signed Up"))
    page = open_page()
    before = row(page, "Signed Up").element_handle()
    inspector.send(track("Lost", None))
    expect(page.locator("#issue-list li")).to_have_count(1)
    listed(page, "Lost", "Signed Up")
    assert page.evaluate("made => made.isConnected", before)


def test_double_click_opens_one_event(open_page: OpenPage, inspector: Server) -> None:
    """The first click narrows the list, so that the second may meet a link."""
    inspector.send(track("Signed Up"))
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    row(page, "Signed Up").locator(".visitor-link").dispatch_event("click", {"detail": 2})
    expect(page.locator("#detail-title")).to_have_text("Signed Up")
    assert "visitor=" not in page.url


# Events a second. KOALA_CLICK_RATES=2,5,20 looks at others, too; then a hand takes its time.
CLICK_RATES = [int(rate) for rate in os.environ.get("KOALA_CLICK_RATES", "20").split(",")]
HAND = 300 if "KOALA_CLICK_RATES" in os.environ else 100  # ms


@pytest.mark.parametrize("rate", CLICK_RATES)
def test_click_opens_the_row_that_was_aimed_at(
    open_page: OpenPage, inspector: Server, rate: int
) -> None:
    """Twenty times, while events arrive, a few to each click."""
    inspector.send(*(track(f"Before {number}") for number in range(30)))
    page = open_page()
    expect(row(page, "Before 29")).to_be_visible()
    stop = Event()

    def send() -> None:
        for number in counting():
            if stop.wait(1 / rate):
                return
            inspector.send(track(f"New {number}"))

    sender = Thread(target=send)
    sender.start()
    right = 0
    try:
        for click in range(20):
            box = page.locator("#grid").bounding_box()  # what is above it grows with new issues
            assert box is not None
            place = box["x"] + 200, box["y"] + 42 + 32 * (click % 8)
            page.mouse.move(*place)
            aimed_at = page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y).closest('[role=row]').dataset.id",
                place,
            )
            page.wait_for_timeout(HAND)
            page.mouse.click(*place)
            expect(page).to_have_url(re.compile("event="))
            right += page.evaluate("new URLSearchParams(location.search).get('event')") == aimed_at
            expect(page.locator("#detail")).to_be_visible()  # it narrows the list
            if click % 2:  # else the next row is chosen beside the open event
                page.keyboard.press("Escape")
                page.mouse.move(0, 0)
                expect(page.locator("#news")).to_be_hidden()
    finally:
        stop.set()
        sender.join()
    assert right == 20


def test_list_holds_still_while_an_event_is_open(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("First"), track("Second"))
    page = open_page()
    row(page, "First").locator(".event").click()
    page.mouse.move(0, 0)
    inspector.send(track("Third"))
    expect(page.locator("#news")).to_have_text("1 new ↑")
    assert names(page) == ["Second", "First"]
    page.keyboard.press("k")
    expect(page.locator("#detail-title")).to_have_text("Second")
    page.get_by_role("button", name="Next in the list").click()
    expect(page.locator("#detail-title")).to_have_text("First")
    expect(page.locator("#next")).to_be_focused()
    page.click("#news")
    listed(page, "Third", "Second", "First")
    expect(page.locator("#detail-title")).to_have_text("First")


def test_shared_link_finds_its_row(open_page: OpenPage, inspector: Server) -> None:
    """However old it is; the next one is beside it, and the newest are a click away."""
    for start in (0, 1000):
        inspector.send(*(track(f"Event {start + number}") for number in range(1000)))
    number = next(each["id"] for each in inspector.events("q=event:%22Event+100%22"))
    page = open_page(f"?event={number}")
    current = page.locator("#rows [aria-selected=true]")
    expect(current.locator(".event")).to_have_text("Event 100")
    expect(current).to_be_in_viewport()
    page.keyboard.press("j")
    expect(page.locator("#detail-title")).to_have_text("Event 99")
    expect(page.locator("#news")).to_have_text("Newest ↑")
    page.click("#news")
    expect(row(page, "Event 1999")).to_be_visible()


def test_clear_asks_first_and_enter_keeps(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track(), track())
    page = open_page()
    expect(page.locator("#count")).to_have_text("2 events")
    page.click("#clear")
    expect(page.locator("#clear-text")).to_contain_text("2 events")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert len(inspector.events()) == 2
    page.click("#clear")
    page.get_by_role("button", name="Forget them").click()
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#total")).to_have_text("0")
    assert inspector.events() == []


def test_cleared_elsewhere_is_cleared_here(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track())
    page = open_page()
    listed(page, "Signed Up")
    inspector.ask("DELETE", "/api/events")
    expect(page.locator("#empty")).to_be_visible()
