"""The inspector's page, in a real browser.

``KOALA_SCREENSHOTS`` names the folder for the screenshots, ``build/screenshots`` by default.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import count as counting
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Route,
    expect,
    sync_playwright,
)

from koala_middleware.demo.actions import ACTIONS
from koala_middleware.inspector.causes import CAUSES
from tests.missing import skip_without
from tests.processes import ELSEWHERE
from tests.visitors import ALICE, BOB

SCREENSHOTS = Path(os.environ.get("KOALA_SCREENSHOTS", "build/screenshots"))
ROOT = Path(__file__).parents[2]
PAGE_FILES = ROOT / "koala_middleware" / "inspector" / "page"
FLAGS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking")

OpenPage = Callable[..., Page]

expect.set_options(timeout=15_000)  # a machine may be slow, or busy


class Server:
    """An inspector, or a demo, in a process of its own."""

    def __init__(self, *arguments: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "koala_middleware", *arguments, f"--port={port}"]
        self.process = subprocess.Popen(
            command, cwd=ELSEWHERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found is not None, line + self.process.communicate()[1]
        self.url, self.port = found[0], int(found[1])

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = response.status, response.read().decode()
        connection.close()
        return answer

    def send(self, *messages: dict[str, Any]) -> None:
        assert self.ask("POST", "/v1/batch", {"batch": messages})[0] == 200

    def events(self, query: str = "") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.ask("GET", f"/api/events?{query}")[1])[
            "events"
        ]
        return listed

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=10)


def track(event: object = "Signed Up", profile_id: object = ALICE, **properties: Any) -> Any:
    own = {} if profile_id is None else {"profile_id": profile_id}
    return {"type": "track", "userId": "u1", "event": event, "properties": {**properties, **own}}


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server("inspect", f"--db={tmp_path_factory.mktemp('inspector') / 'events.db'}")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_without("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Pages:
    """Pages of one browser, which are used again: their files are loaded once.

    No page may ask, complain, or do what its Content-Security-Policy forbids.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.pages: dict[str, Page] = {}
        self.faults: list[str] = []

    def open(self, url: str, **options: Any) -> Page:
        page = self.pages.get(repr(options)) or self._page(**options)
        self.pages[repr(options)] = page
        page.mouse.move(0, 0)  # the list holds still under a pointer
        page.goto(url)
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
        return page

    def leave(self) -> None:
        """Leave the pages, and say what they complained of."""
        for page in self.pages.values():
            page.goto("about:blank")
        faults, self.faults[:] = self.faults[:], []
        assert faults == []

    def _page(self, **options: Any) -> Page:
        size = {"width": 1280, "height": 800}
        usual = {"viewport": size, "timezone_id": "UTC", "locale": "en-GB"}
        context = self.browser.new_context(
            **{**usual, **options}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", self._dismiss)
        page.on("console", self._read)
        return page

    def _dismiss(self, dialog: Dialog) -> None:
        self.faults.append(dialog.message)
        dialog.dismiss()

    def _read(self, message: ConsoleMessage) -> None:
        # An inspector that was stopped, and an event that was forgotten, are meant to be asked for.
        meant = "ERR_CONNECTION" in message.text or "/api/events/" in message.location["url"]
        if message.type in ("error", "warning") and not meant:
            self.faults.append(message.text)


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Pages:
    return Pages(browser)


@pytest.fixture
def open_page(pages: Pages, inspector: Server) -> Iterator[OpenPage]:
    """Open a page of an inspector that has no events, as the test wants it."""
    inspector.ask("DELETE", "/api/events")

    def opened(query: str = "", *, url: str = inspector.url, **options: Any) -> Page:
        return pages.open(f"{url}/{query}", **options)

    yield opened
    pages.leave()


def names(page: Page) -> list[str]:
    """Return the listed events' names, from top to bottom."""
    rows = page.locator("#rows [role=row]").evaluate_all(
        "rows => rows.map(row => [+row.ariaRowIndex, row.querySelector('.event bdi').textContent])"
    )
    return [name for _, name in sorted(rows)]


def listed(page: Page, *wanted: str) -> None:
    """Wait until these are the listed events."""
    deadline = time.monotonic() + 20
    while names(page) != list(wanted):
        assert time.monotonic() < deadline, names(page)
        page.wait_for_timeout(20)


def row(page: Page, name: str) -> Locator:
    return page.locator("#rows [role=row]").filter(has_text=name)


def photograph(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"inspector-{name}.png")


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
    expect(page.locator("#announcer")).to_have_text("3 events")


def test_text_filter_is_kept_in_the_url(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Plan Upgraded", note="50%_off"))
    page = open_page()
    page.fill("#search", "50%_OFF")
    listed(page, "Plan Upgraded")
    expect(page.locator("#count")).to_have_text("1 of 2 events")
    assert page.url.endswith("?q=50%25_OFF")
    page.reload()
    expect(page.locator("#search")).to_have_value("50%_OFF")
    listed(page, "Plan Upgraded")
    inspector.send(track("Not this one"), track("50%_off again"))
    listed(page, "50%_off again", "Plan Upgraded")
    page.click("#reset")
    listed(page, "50%_off again", "Not this one", "Plan Upgraded", "Signed Up")


def test_verdict_filter_goes_back_with_the_browser(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Plan Upgraded", None))
    page = open_page()
    page.get_by_role("radio", name="Dropped").check()
    listed(page, "Plan Upgraded")
    page.get_by_role("radio", name="Reach Koala").check()
    listed(page, "Signed Up")
    page.go_back()
    listed(page, "Plan Upgraded")
    expect(page.get_by_role("radio", name="Dropped")).to_be_checked()
    page.go_back()
    listed(page, "Plan Upgraded", "Signed Up")


def test_profile_filter_shows_one_visitor_s_events(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Plan Upgraded", BOB))
    page = open_page()
    row(page, "Plan Upgraded").locator(".event").click()
    page.get_by_role("button", name="Find events with this Profile id").click()
    listed(page, "Plan Upgraded")
    expect(page.locator("#search")).to_have_value(f"profile:{BOB}")
    page.keyboard.press("Escape")
    page.fill("#search", "nobody at all")
    expect(page.locator("#nothing")).to_contain_text("No event matches.")
    page.locator("#nothing button").click()
    listed(page, "Plan Upgraded", "Signed Up")


def explained(
    cause: str, event: str = "Signed Up", profile_id: object = None, **properties: Any
) -> Any:
    """Return an event that says why it has no visitor, as KOALA_EXPLAIN=1 makes it."""
    request = {"method": "POST", "path": "/checkout"}
    said = {"cause": cause, "call": "billing/tasks.py:88", "request": request, "version": "0.1.0"}
    return {**track(event, profile_id, **properties), "context": {"koala": said}}


def test_detail_of_an_accepted_event_marks_what_was_added(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(explained("added", profile_id=ALICE, plan="team"))
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    detail = page.locator("#detail")
    expect(detail.locator(".way .middleware")).to_contain_text(f"+ profile_id: {ALICE}")
    expect(detail.locator(".way .call")).to_contain_text("billing/tasks.py:88")
    call = json.loads(detail.locator(".way .call pre").text_content() or "")
    assert call["properties"] == {"plan": "team"}
    expect(detail.locator(".values tr.added")).to_contain_text(f"profile_id{ALICE}")
    expect(detail.locator(".values tr:not(.added) td bdi")).to_have_text("team")
    expect(detail.locator(".message .line.added")).to_contain_text(ALICE)
    request = json.loads(detail.locator(".koala-request pre").text_content() or "")
    assert request["profile_id"] == ALICE
    assert request["events"][0]["event"] == "Signed Up"
    message = json.loads(detail.locator(".message pre").text_content() or "")
    assert message == inspector.events()[0]["message"]


def test_detail_of_a_dropped_event_shows_reason_and_hint(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(track(profile_id=None))
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    outcome = page.locator("#detail .outcome")
    expect(outcome).to_contain_text("no profile id and no email")
    expect(outcome).to_contain_text("Cause unknown")
    expect(outcome.locator(".hint")).to_contain_text("KOALA_EXPLAIN=1")
    expect(page.locator("#detail .koala-request")).to_contain_text("drops it")


@pytest.mark.parametrize("name", CAUSES)
def test_cause_and_its_remedy_are_told(open_page: OpenPage, inspector: Server, name: str) -> None:
    """In the row, in the issues, and first of all in the event."""
    inspector.send(explained(name))
    page = open_page()
    expect(row(page, "Signed Up").locator(".reason")).to_have_text(f"{name} billing/tasks.py:88")
    issue = page.locator("#issue-list li")
    expect(issue).to_contain_text(CAUSES[name].title)
    row(page, "Signed Up").locator(".event").click()
    outcome = page.locator("#detail .outcome")
    expect(outcome).to_contain_text(CAUSES[name].title)
    expect(outcome.locator(".hint")).to_have_text(CAUSES[name].remedy)
    expect(outcome.locator("pre")).to_have_text(CAUSES[name].snippet)


def test_answer_and_issues_say_what_to_do(open_page: OpenPage, inspector: Server) -> None:
    page = open_page()
    inspector.send(track(), {**track(), "type": "page"})
    answer, issues = page.locator("#answer"), page.locator("#issue-list li")
    expect(answer).to_have_text("The event reaches Koala. 1 other that Koala never takes.")
    expect(answer).to_have_attribute("data-state", "fine")
    expect(page.locator("#issues")).to_be_hidden()
    for count, cause in enumerate(("refused", "no_cookie", "no_request", "failed"), 1):
        inspector.send(*[explained(cause, f"Lost {cause}")] * count)
    expect(answer).to_contain_text("1 of 11 events reach Koala (9 %). 10 do not: 4 causes.")
    expect(answer).to_have_attribute("data-state", "faulty")
    expect(issues).to_have_count(3)
    page.get_by_role("button", name="All 4 issues").click()
    expect(issues.last).to_contain_text("Refused by the request_filter")
    issue = issues.filter(has_text="no_request")
    expect(issue).to_contain_text("3 ×")
    issue.locator("summary").click()
    expect(issue.locator(".remedy")).to_contain_text("koala.carry(work)")
    inspector.send(explained("no_request", "Lost no_request"))
    expect(issue).to_contain_text("4 ×")
    expect(issue.locator(".remedy")).to_be_visible()
    issue.locator(".show").click()
    listed(page, *["Lost no_request"] * 4)
    expect(answer).to_contain_text("0 of 4 events")


def test_event_that_segment_refuses_is_not_accepted(open_page: OpenPage, inspector: Server) -> None:
    page = open_page()
    expect(page.locator("#refused")).to_be_hidden()
    expect(page.locator("#choose-refused")).to_be_hidden()
    inspector.send(track(), {**track("No One"), "userId": None})
    expect(row(page, "No One").locator(".badge")).to_have_text("Segment refuses it")
    for name, count in {"total": 2, "accepted": 1, "dropped": 0, "refused": 1}.items():
        expect(page.locator(f"#{name}")).to_have_text(str(count))
    expect(page.locator("#chart-text")).to_contain_text(
        "1 reaches Koala, 0 dropped, 1 refused by S"
    )
    page.get_by_role("radio", name="Segment refuses").check()
    listed(page, "No One")
    row(page, "No One").locator(".event").click()
    outcome = page.locator("#detail .outcome")
    expect(outcome).to_contain_text("neither userId nor anonymousId")
    expect(outcome.locator(".hint")).to_contain_text("pass user_id or anonymous_id")
    expect(page.locator("#detail .way .message")).to_contain_text("discards it")
    expect(page.locator("#detail .koala-request")).to_have_count(0)


def test_refused_upload_has_a_row(open_page: OpenPage, inspector: Server) -> None:
    page = open_page()
    body = {"batch": [{"name": "\x9b\u202e<b>", "price": float("nan")}]}
    assert inspector.ask("POST", "/v1/batch", body)[0] == 400
    expect(row(page, "/v1/batch").locator(".badge")).to_have_text("Upload refused")
    expect(page.locator("#upload_refused")).to_have_text("1")
    expect(page.locator("#issue-list .what")).to_have_text("Upload refused malformed")
    row(page, "/v1/batch").locator(".event").click()
    detail = page.locator("#detail")
    expect(detail.locator(".outcome")).to_contain_text("malformed")
    expect(detail.locator(".hint")).to_contain_text("NaN is not a number in JSON; 1 event, ")
    expect(detail.locator(".facts")).to_contain_text("Events1")
    expect(detail.locator(".excerpt pre")).to_have_text(json.dumps(body))
    expect(detail.locator("#copy-curl")).to_have_count(0)


def test_detail_is_in_the_url_and_goes_with_back(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"))
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    expect(page.locator("#detail-title")).to_have_text("Signed Up")
    page.reload()
    expect(page.locator("#detail-title")).to_have_text("Signed Up")
    page.go_back()
    expect(page.locator("#detail")).to_be_hidden()


def test_detail_of_a_forgotten_event_says_so(open_page: OpenPage) -> None:
    page = open_page("?event=999999999")
    expect(page.locator("#detail")).to_contain_text("there is no such event")


def test_keyboard_alone_opens_moves_and_closes(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("First"), track("Second"), track("Third", BOB))
    page = open_page()
    listed(page, "Third", "Second", "First")
    title = page.locator("#detail-title")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    current = page.locator("#rows [aria-selected=true]")
    expect(current).to_contain_text("Second")
    page.keyboard.press("Enter")
    expect(title).to_have_text("Second")
    page.keyboard.press("k")
    expect(title).to_have_text("Third")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.locator("#grid")).to_be_focused()
    expect(page.locator("#grid")).to_have_attribute(
        "aria-activedescendant", str(current.get_attribute("id"))
    )
    page.keyboard.press("End")
    expect(current).to_contain_text("First")
    page.keyboard.press("Home")
    page.keyboard.press("v")
    expect(page.locator("#visitor-title")).to_contain_text(BOB)
    listed(page, "Third")
    page.keyboard.press("Escape")
    listed(page, "Third", "Second", "First")


def test_keyboard_slash_filters_and_letters_stay_in_the_field(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(track("jpk?"), track("Other"))
    page = open_page()
    listed(page, "Other", "jpk?")
    page.keyboard.press("/")
    page.keyboard.type("jpk?")
    listed(page, "jpk?")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    page.keyboard.press("Escape")
    listed(page, "Other", "jpk?")


def test_keyboard_help_opens_and_closes(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


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


@pytest.mark.parametrize("rate", [2, 5, 20])
def test_click_opens_the_row_that_was_aimed_at(
    open_page: OpenPage, inspector: Server, rate: int
) -> None:
    """Twenty times, while events arrive and a hand takes its time."""
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
            page.wait_for_timeout(300)
            page.mouse.click(*place)
            page.wait_for_function("location.search.includes('event=')")
            right += page.evaluate("new URLSearchParams(location.search).get('event')") == aimed_at
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


def test_bar_of_the_chart_filters_by_time(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track())
    page = open_page()
    expect(page.locator("#chart rect.accepted")).to_have_count(1)
    page.locator("#chart rect.accepted").click()
    expect(page.locator("#search")).to_have_value(re.compile(r"since:2\S+Z until:2\S+Z"))
    listed(page, "Signed Up")
    page.locator("#chart").click(position={"x": 5, "y": 20})
    expect(page.locator("#nothing")).to_be_visible()
    assert page.locator("#search").input_value().count("since:") == 1


def test_exported_file_is_imported_again(
    open_page: OpenPage, inspector: Server, tmp_path: Path
) -> None:
    """With its causes; what Segment would not have taken is told."""
    inspector.send(explained("no_cookie", "Lost"), *(track(f"Event {n}") for n in range(150)))
    exported = inspector.ask("GET", "/api/events.ndjson")[1]
    inspector.ask("DELETE", "/api/events")
    file = tmp_path / "events.ndjson"
    file.write_text(exported)
    page = open_page()
    page.set_input_files("#import", file)
    expect(page.locator("#import-text")).to_have_text("151 events imported")
    expect(page.locator("#count")).to_have_text("151 events")
    assert inspector.events("q=cause:no_cookie")[0]["event"] == "Lost"
    file.write_text("nothing")
    page.set_input_files("#import", file)
    expect(page.locator("#import-text")).to_contain_text("Not imported: ")


def test_visitor_view_loads_the_rest_when_it_is_scrolled(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(*(track(f"Event {number}") for number in range(1200)))
    page = open_page(f"?visitor={ALICE}")
    expect(row(page, "Event 0").first).to_be_visible()
    inspector.send(track("The end"))
    scroll_to_the_end(page, "The end")


def scroll_to_the_end(page: Page, last: str) -> None:
    deadline = time.monotonic() + 20
    while row(page, last).count() == 0:
        assert time.monotonic() < deadline, names(page)
        page.keyboard.press("End")
        page.wait_for_timeout(20)


def test_totals_and_chart_count_what_arrived(open_page: OpenPage, inspector: Server) -> None:
    page = open_page()
    inspector.send(track(), track(), track("Plan Upgraded", None))
    for name, count in {"total": 3, "accepted": 2, "dropped": 1, "visitors-seen": 1}.items():
        expect(page.locator(f"#{name}")).to_have_text(str(count))
    expect(page.locator("#issue-list .times")).to_have_text("1 ×")
    chart = page.get_by_role("img", name="In the last 10 minutes: 2 reach Koala, 1 dropped")
    expect(chart.locator("rect.accepted")).to_have_count(1)
    page.get_by_role("radio", name="24 h").check()
    expect(page.locator("#chart-text")).to_contain_text("In the last 24 hours: 2 reach Koala")
    assert "span=86400" in page.url


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


def test_copied_curl_sends_the_event_again(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track('It\'s "$HOME" `id` \u202e\x07 \\ !', quote="a'b'; touch /tmp/x; '"))
    page = open_page()
    page.locator("#rows .event").click()
    page.click("#copy-curl")
    expect(page.locator("#copy-curl")).to_have_text("Copied")
    command: str = page.evaluate("navigator.clipboard.readText()")
    assert "-u 'YOUR_WRITE_KEY:'" in command
    assert f"{inspector.url}/v1/track" in command
    assert command.replace("\n", "").isprintable()
    if shutil.which("curl") is None:
        skip_without("curl is not installed")
    environment = {**os.environ, "no_proxy": "*"}
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, env=environment)
    again, first = inspector.events()
    assert again["message_id"] != first["message_id"]
    for field in ("event", "properties", "userId", "type"):
        assert again["message"][field] == first["message"][field]


def test_copied_json_is_the_message(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track())
    page = open_page()
    page.locator("#rows .event").click()
    page.click("#copy-json")
    expect(page.locator("#copy-json")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied == inspector.events()[0]["message"]


def test_export_is_what_the_filters_choose(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Dropped", None), track("Signed Up"))
    page = open_page("?verdict=accepted")
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.suggested_filename == "events.ndjson"
    lines = Path(download.value.path()).read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["Signed Up", "Signed Up"]


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


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}${7*7}",
    "\u202eevil\u202c \u0000\u0007\u001b[2J\r\n\u200b",
    "\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627",
    "W" * 1200,
    "\ud800 half a pair",
    "&lt;b&gt; &amp; </textarea></style>",
]


def hostile(text: str) -> Iterator[dict[str, Any]]:
    message = {
        "event": text,
        "userId": text,
        "anonymousId": text,
        "timestamp": text,
        "properties": {"profile_id": text, "email": text, text: {text: [text]}},
        "traits": {"email": text, text: text},
        "context": {"library": {"name": text}, text: text},
    }
    for kind in ("track", "identify", text):
        # SQLite's text, which message ids are, has no half of a surrogate pair.
        message_id = f"{text} {kind}".replace("\ud800", "half")
        yield {**message, "type": kind, "messageId": message_id}


def test_what_strangers_send_stays_text(open_page: OpenPage, inspector: Server) -> None:
    """In every field, also as a name; no dialog and no complaint comes: see Pages."""
    for text in HOSTILE:
        inspector.send(*hostile(text))
    page = open_page()
    count = 3 * len(HOSTILE)
    expect(page.locator("#count")).to_have_text(f"{count} events")
    for _ in range(count):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        name = page.locator("#rows [aria-selected=true] .event bdi").first.inner_text()
        expect(page.locator("#detail-title")).to_contain_text(name.partition("…")[0])
        assert page.evaluate(INJECTED) == []
        assert not set("\u202e\u202c\u200b\x07\x1b\x00") & set(page.inner_text("#inspector"))
    for text in HOSTILE:
        page.goto(f"{inspector.url}/?{urlencode({'visitor': text, 'q': text}, errors='replace')}")
        expect(page.locator("#visitor-title")).to_be_visible()
        assert page.evaluate(INJECTED) == []


INJECTED = """
  [...document.querySelectorAll("img, iframe, textarea, style, body script, [onerror], [onload], "
    + "[style*=url], a[href^=javascript]")].map(each => each.outerHTML)
    .concat(document.documentElement.scrollWidth > innerWidth ? ["too wide"] : [])
"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of https://github.com/dequelabs/axe-core."""
    npm = shutil.which("npm")
    if npm is None:
        skip_without("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-save", "--silent", "--prefix", str(folder), "axe-core@4.11.0"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (320, "dark")]
)
def test_page_is_accessible_in_every_view(
    open_page: OpenPage, inspector: Server, axe: str, width: int, scheme: str
) -> None:
    faults: list[tuple[str, str, list[str]]] = []

    def look(view: str) -> None:
        page.evaluate(axe)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        faults.extend((view, fault["id"], fault["nodes"][0]["target"]) for fault in found)

    page = open_page(viewport={"width": width, "height": 740}, color_scheme=scheme)
    look("empty")
    lost = (explained(cause, f"Lost {cause}") for cause in ("refused", "no_cookie"))
    inspector.send(*lost, {**track(), "userId": None}, {**track(), "type": "page"}, *[track()] * 40)
    inspector.ask("POST", "/v1/batch", ["no object"])
    expect(page.locator("#issue-list li").first).to_be_visible()
    look("list")
    page.locator("#issue-list summary").first.click()
    look("issue")
    events = {each["verdict"]: each["id"] for each in inspector.events("limit=100")}
    for query in (*(f"event={number}" for number in events.values()), f"visitor={ALICE}", "q=none"):
        page.goto(f"{inspector.url}/?{query}")
        expect(page.locator("#count")).to_contain_text("event")
        if query.startswith("event"):
            expect(page.locator("#detail-title")).to_be_visible()
        look(query)
    page.goto(inspector.url)
    for button in ("#keys", "#clear")[width < 640 :]:
        page.locator(button).click()
        look(button)
        page.keyboard.press("Escape")
    assert faults == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_javascript_link_is_no_link(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up", "javascript:alert(1)"))
    page = open_page()
    link = row(page, "Signed Up").locator(".visitor-link")
    assert str(link.get_attribute("href")).startswith("?visitor=javascript")
    link.click()
    listed(page, "Signed Up")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(360, "light"), (360, "dark"), (768, "light"), (1280, "light"), (1280, "dark")],
)
def test_page_fits_and_looks_right(
    open_page: OpenPage, inspector: Server, width: int, scheme: str
) -> None:
    """Nothing is wider than the window in any view; the screenshots are for eyes."""
    options = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    page = open_page(**options)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    seen = [page.evaluate(fits)]
    photograph(page, f"empty-{width}-{scheme}")
    inspector.send(*examples())
    inspector.ask("POST", "/v1/batch", {"batch": [{"price": float("nan")}]})
    expect(row(page, "Order Completed").first).to_be_visible()
    expect(page.locator("#total")).to_have_text(str(len(examples()) + 1))
    photograph(page, f"list-{width}-{scheme}")
    seen.append(page.evaluate(fits))
    row(page, "Order Completed").first.locator(".event").click()
    expect(page.locator("#detail .facts")).to_be_visible()
    photograph(page, f"detail-{width}-{scheme}")
    seen.append(page.evaluate(fits))
    page.locator("#detail .visitor-link").click()
    expect(page.locator("#visitor-counts")).to_contain_text("oldest first")
    photograph(page, f"visitor-{width}-{scheme}")
    seen.append(page.evaluate(fits))
    assert seen == [True] * 4


def test_phone_shows_the_detail_over_the_list(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track())
    page = open_page(viewport={"width": 360, "height": 740})
    row(page, "Signed Up").locator(".event").click()
    expect(page.locator("#detail")).to_be_focused()
    box = page.locator("#detail").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 360, "height": 740}
    assert page.evaluate("document.querySelector('.events').inert")
    page.get_by_role("button", name="Close the event").click()
    listed(page, "Signed Up")
    assert not page.evaluate("document.querySelector('.events').inert")


def examples() -> list[dict[str, Any]]:
    """Return what a small shop's visitors do."""
    library = {"library": {"name": "analytics-python", "version": "2.4.0"}}
    story: list[tuple[str, dict[str, Any]]] = [
        ("Signed Up", {"plan": "free"}),
        ("Product Added", {"sku": "mug", "price": 12.5}),
        ("Plan Upgraded", {"plan": "team", "seats": 8}),
        ("Report Exported", {"rows": 1024, "columns": ["month", "visits"]}),
        ("Order Completed", {"total": 49.5, "items": [{"sku": "mug", "count": 2}]}),
    ]
    messages: list[dict[str, Any]] = []
    for number in range(24):
        visitor = number % 4 + 1
        profile_id = str(UUID(int=0x3E6A2C183B0240C4B8D21842C193D3BA * visitor % 2**128, version=4))
        event, properties = story[number % len(story)]
        message: dict[str, Any] = {"userId": f"user-{visitor}", "context": library}
        if number % 6 == 2:
            messages.append({**track(event, None, **properties), **message})
        elif number % 11 == 7:
            email = f"user-{visitor}@example.com"
            traits = {"email": email, "profile_id": profile_id}
            messages.append({**message, "type": "identify", "traits": traits})
        else:
            messages.append({**track(event, profile_id, **properties), **message})
    late = {**track("Receipt Downloaded"), "userId": "user-1", "timestamp": "yesterday"}
    return [
        *messages,
        late,
        {**track("Cart Viewed"), "userId": None},
        {"type": "page", "userId": "user-2", "name": "Pricing"},
        *messages[3:5],
    ]


def test_ten_thousand_events_scroll_in_few_elements(open_page: OpenPage, inspector: Server) -> None:
    for start in range(0, 10_000, 2500):
        inspector.send(*(track(f"Event {start + number}") for number in range(2500)))
    page = open_page()
    expect(row(page, "Event 9999")).to_be_visible()
    most, frames = page.evaluate(
        """async () => {
          const scroller = document.getElementById("grid");
          const frames = [];
          let most = 0;
          let last = performance.now();
          for (const end = last + 20000; performance.now() < end;) {
            scroller.scrollTop += 4000;
            const now = await new Promise(requestAnimationFrame);
            frames.push(now - last);
            last = now;
            most = Math.max(most, document.querySelectorAll("#rows > *").length);
            if (document.getElementById("grid").ariaRowCount > 10000
              && scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) break;
          }
          return [most, frames.sort((one, other) => one - other)];
        }"""
    )
    expect(row(page, "Event 0").first).to_be_visible()
    report("scroll through 10,000 events", frames, f"{most} rows in the document")
    assert most < 80
    assert frames[len(frames) // 2] < 250


def test_scrolling_back_loads_again_what_was_let_go(open_page: OpenPage, inspector: Server) -> None:
    """The page keeps 20,000 rows; here 1,000, to reach that sooner."""
    for start in (0, 1300):
        inspector.send(*(track(f"Event {start + number}") for number in range(1300)))
    page = open_page()

    def fewer(route: Route) -> None:
        body = route.fetch().text().replace("20_000", "1_000")
        uncached = {"Content-Type": "text/javascript", "Cache-Control": "no-store"}
        route.fulfill(body=body, headers=uncached)

    page.route("**/rows.js", fewer)
    page.reload()
    scroll_to_the_end(page, "Event 0")
    expect(page.locator("#news")).to_have_text(re.compile(r"[\d,]+ new ↑"))
    assert page.locator("#grid").get_attribute("aria-rowcount") == "1001"
    deadline = time.monotonic() + 20
    while row(page, "Event 2599").count() == 0:
        assert time.monotonic() < deadline
        page.evaluate("document.getElementById('grid').scrollTop -= 3000")
        page.wait_for_timeout(20)
        numbers = [int(name.removeprefix("Event ")) for name in names(page)]
        assert numbers == list(range(numbers[0], numbers[-1] - 1, -1))
    expect(page.locator("#news")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_thousand_events_a_second_do_not_fall_behind(
    open_page: OpenPage, inspector: Server
) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          window.frames_ = [];
          let last = performance.now();
          requestAnimationFrame(function frame(now) {
            window.frames_.push(now - last);
            last = now;
            requestAnimationFrame(frame);
          });
        }"""
    )
    seconds = float(os.environ.get("KOALA_BURST_SECONDS", "2"))
    start = time.monotonic()
    for number in range(int(seconds * 10)):
        inspector.send(*(track(f"Event {number}.{each}") for each in range(100)))
        time.sleep(max(0.0, start + (number + 1) / 10 - time.monotonic()))
    sent = time.monotonic()
    newest = page.locator("#rows [aria-rowindex='2'] .event")
    expect(newest).to_have_text(f"Event {int(seconds * 10) - 1}.99")
    lag = time.monotonic() - sent
    expect(page.locator("#total")).to_have_text(f"{int(seconds * 1000):,}")
    frames = sorted(page.evaluate("window.frames_"))
    rate = seconds * 1000 / (sent - start)
    report(f"{rate:.0f} events/s for {seconds:.0f} s", frames, f"newest seen after {lag:.2f} s")
    assert lag < 5
    assert page.locator("#rows > *").count() < 80


def report(what: str, frames: list[float], more: str) -> None:
    at = {f"p{share}": frames[int(len(frames) * share / 100)] for share in (50, 95, 99)}
    told = ", ".join(f"{name} {ms:.1f} ms" for name, ms in {**at, "most": frames[-1]}.items())
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with (SCREENSHOTS / "measured.txt").open("a") as file:
        file.write(f"{what}: {len(frames)} frames, {told}; {more}\n")


def test_page_connects_again_and_misses_nothing(open_page: OpenPage, tmp_path: Path) -> None:
    server = Server("inspect", f"--db={tmp_path / 'events.db'}")
    server.send(track("Before"))
    page = open_page(url=server.url)
    listed(page, "Before")
    server.stop()
    expect(page.locator("#banner")).to_contain_text("does not answer")
    listed(page, "Before")
    again = Server("inspect", f"--db={tmp_path / 'events.db'}", port=server.port)
    again.send(track("After"))
    listed(page, "After", "Before")
    expect(page.locator("#banner")).to_be_hidden()
    again.stop()
    other = Server("inspect", f"--db={tmp_path / 'other.db'}", port=server.port)
    expect(page.locator("#empty")).to_be_visible()
    other.send(track("Elsewhere"))
    listed(page, "Elsewhere")
    other.stop()


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


def test_page_loads_nothing_from_outside() -> None:
    folders = PAGE_FILES, ROOT / "koala_middleware" / "demo" / "page"
    for file in (file for folder in folders for file in folder.rglob("*.*")):
        text = file.read_text()
        assert set(re.findall(r"https?://[\w.]+", text)) <= {
            "http://www.w3.org",
            "https://trojansource.codes",
        }
        assert "innerHTML" not in text
        assert " style=" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(scheme: str) -> None:
    """https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    light, dark = (
        (PAGE_FILES / "styles" / "tokens.css").read_text().split("prefers-color-scheme: dark")
    )
    found = re.findall(r"--([\w-]+): (#\w+)", light if scheme == "light" else dark)
    token = {name: luminance(colour) for name, colour in found}
    grounds = ("ground", "surface", "raised", "current")
    pairs = [
        (text, ground) for text in ("ink", "soft", "leaf", "clay", "sun") for ground in grounds
    ]
    pairs += [(name, f"{name}-wash") for name in ("leaf", "clay", "sun")]
    pairs += [
        ("ink", "leaf-wash"),
        ("ink", "clay-wash"),
        ("soft", "leaf-wash"),
        ("surface", "leaf"),
    ]
    assert [pair for pair in pairs if contrast(*(token[name] for name in pair)) < 4.5] == []


def luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(2 * each for each in colour[1:])
    shares = [int(full[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_demo_shows_its_buttons_beside_the_list(browser: Browser, open_page: OpenPage) -> None:
    demo = Server("demo")
    page = open_page(url=demo.url)
    buttons = page.locator(".action")
    expect(buttons).to_have_count(len(ACTIONS))
    visitor = page.evaluate("document.cookie").removeprefix("ko_id=")
    buttons.filter(has_text="Add to the cart").click()
    expect(buttons.filter(has_text="Add to the cart")).to_contain_text(
        "✓ arrived: the same visitor, Visitor 1"
    )
    expect(row(page, "Product Added")).to_contain_text(visitor)
    page.click("#new-visitor")
    assert page.evaluate("document.cookie") not in ("", f"ko_id={visitor}")
    buttons.filter(has_text="Sign up").click()
    expect(buttons.filter(has_text="Sign up")).to_contain_text("the same visitor, Visitor 2")
    page.get_by_role("radio", name="No cookie").check()
    assert page.evaluate("document.cookie") == ""
    buttons.filter(has_text="Pay the invoice").click()
    expect(row(page, "Invoice Paid")).to_contain_text("no profile id and no email")
    expect(buttons.filter(has_text="Pay the invoice")).to_contain_text("dropped: no profile id")
    photograph(page, "demo")
    demo.stop()
