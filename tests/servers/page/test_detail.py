"""One event beside the list."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

from playwright.sync_api import expect

from koala_middleware.inspector.causes import CAUSES
from tests.missing import skip_without
from tests.processes import Server
from tests.servers.page.helpers import OpenPage, explained, listed, row, track
from tests.visitors import ALICE


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


def test_cause_and_its_remedy_are_told(open_page: OpenPage, inspector: Server) -> None:
    """In the row, in the issues, and first of all in the event; in words."""
    inspector.send(*(explained(name, f"Of {name}.") for name in CAUSES))
    page = open_page()
    page.get_by_role("button", name=f"All {len(CAUSES)} issues").click()
    for name, (title, remedy, snippet) in CAUSES.items():
        line = row(page, f"Of {name}.")
        expect(line.locator(".reason")).to_have_text(f"{title} billing/tasks.py:88")
        expect(page.locator("#issue-list li").filter(has_text=f"Of {name}.")).to_contain_text(title)
        line.locator(".event").click()
        outcome = page.locator("#detail .outcome")
        expect(outcome).to_contain_text(title)
        expect(outcome.locator(".hint")).to_have_text(remedy)
        expect(outcome.locator("pre")).to_have_text(snippet)
        expect(outcome).to_contain_text(f"docs/troubleshooting.rst: “{title}”")


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


def test_lost_event_is_compared_with_one_that_got_through(
    open_page: OpenPage, inspector: Server
) -> None:
    """The newest of its very name; what only one of them has comes first."""
    inspector.send(explained("added", profile_id=ALICE, plan="team"), track("Signed Up*"))
    inspector.send(explained("no_cookie", plan="free"), explained("no_cookie", "Alone"))
    page = open_page()
    row(page, "Signed Up").filter(has_text="No cookie").locator(".event").click()
    page.get_by_text("Compare with one that got through").click()
    rows = page.locator(".comparison tbody tr")
    expect(rows).to_have_text(
        [
            "causeno_cookieadded",
            f"properties.profile_idnot there{ALICE}",
            "properties.planfreeteam",
        ]
    )
    row(page, "Alone").locator(".event").click()
    page.get_by_text("Compare with one that got through").click()
    expect(page.locator(".comparison")).to_have_text("No event of this name got through yet.")


def test_edited_event_is_sent_again_and_marked(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track(profile_id=None))
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    page.get_by_text("Edit and send again").click()
    field = page.get_by_label("The event as JSON")
    message = json.loads(field.input_value())
    assert "messageId" not in message
    field.fill("{")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not JSON")
    field.fill(json.dumps({**message, "properties": {"profile_id": ALICE}}))
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#detail-title")).to_have_text("Signed Up edited")
    expect(page.locator("#detail .badge")).to_have_text("Reaches Koala")
    page.keyboard.press("Escape")
    page.mouse.move(0, 0)
    expect(page.locator("#rows .mark-edited")).to_have_count(1)


def test_event_s_own_time_is_beside_its_arrival(open_page: OpenPage, inspector: Server) -> None:
    then = datetime.now(timezone.utc) - timedelta(hours=2)
    inspector.send({**track(), "timestamp": then.isoformat()})
    page = open_page()
    row(page, "Signed Up").locator(".event").click()
    expect(page.locator("#detail .facts")).to_contain_text("2.0 h before it arrived")
