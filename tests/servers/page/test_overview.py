"""The answer, the totals, the chart and the issues."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import HIDE, OpenPage, explained, listed, row, track


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
    assert inspector.post("/v1/batch", body).status == 400
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


def test_rail_has_each_name_with_its_share_and_filters(
    open_page: OpenPage, inspector: Server
) -> None:
    page = open_page()
    expect(page.locator("#names")).to_be_hidden()
    inspector.send(track("Seen"), *[track("Seen", None)] * 2, track("Signed Up"))
    expect(page.locator("#name-list button")).to_have_text(
        ["Seen33 %1 of 3 reach Koala", "Signed Up100 %1 of 1 reach Koala"]
    )
    page.locator("#name-list button").last.click()
    listed(page, "Signed Up")
    expect(page.locator("#search")).to_have_value('event:"Signed Up"')
    pressed = page.locator("#name-list button")
    expect(pressed).to_have_count(1)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    expect(pressed).to_be_focused()
    pressed.click()
    expect(page.locator("#count")).to_have_text("4 events")


def test_rail_tells_a_name_of_two_types_apart(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Pricing"), track("Pricing"), {"type": "page", "name": "Pricing"})
    page = open_page()
    expect(page.locator("#name-list button")).to_have_text(
        ["Pricing100 %2 of 2 reach Koala", "Pricing0 %0 of 1 reach Koala"]
    )


def test_brushed_span_filters(open_page: OpenPage, inspector: Server) -> None:
    """All bars under the brush; what the chart counts by is what is filtered by."""
    now = datetime.now(timezone.utc)
    for minutes in (1, 4, 20):
        then = (now - timedelta(minutes=minutes)).isoformat()
        inspector.send({**track(f"{minutes} min ago"), "timestamp": then})
    page = open_page()
    page.get_by_role("radio", name="Own time").check()
    expect(page.locator("#chart rect.accepted")).to_have_count(2)
    expect(page.locator("#chart-text")).to_contain_text("10 minutes, by their own time: 2 reach")
    box = page.locator("#chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    expect(page.locator("#chart .brush")).to_have_count(1)
    page.mouse.up()
    listed(page, "4 min ago")
    expect(page.locator("#search")).to_have_value(re.compile(r"^from:2\S+Z to:2\S+Z$"))
    expect(page.locator("#chart .brush")).to_have_count(0)


def test_new_drops_are_in_the_title_and_the_icon_until_somebody_looks(
    open_page: OpenPage, inspector: Server
) -> None:
    inspector.send(track("Old", None))
    page = open_page()
    expect(page.locator("#dropped")).to_have_text("1")
    page.evaluate(HIDE, True)
    inspector.send(track("New", None), track("Fine"))
    page.evaluate(HIDE, True)  # it looks at once, instead of some seconds later
    expect(page).to_have_title("(1 new drop) Koala inspector")
    expect(page.locator("#icon")).to_have_attribute("href", "/static/icon-drops.svg")
    page.evaluate(HIDE, False)
    expect(page).to_have_title("Koala inspector")
    expect(page.locator("#icon")).to_have_attribute("href", "/static/icon.svg")
