"""The search, the filters, and what is exported of what they choose."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import OpenPage, explained, listed, row, track
from tests.visitors import BOB


def test_text_filter_is_kept_in_the_url(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Plan Upgraded", note="50%_off"))
    page = open_page()
    page.fill("#search", "50%_OFF")
    listed(page, "Plan Upgraded")
    expect(page.locator("#count")).to_have_text("1 of 2 events")
    expect(page.locator("#announcer")).to_have_text("1 of 2 events")
    assert page.url.endswith("?q=50%25_OFF")
    page.reload()
    expect(page.locator("#search")).to_have_value("50%_OFF")
    listed(page, "Plan Upgraded")
    inspector.send(track("Not this one"), track("50%_off again"))
    listed(page, "50%_off again", "Plan Upgraded")
    expect(page.locator("#count")).to_have_text("2 of 4 events")
    expect(page.locator("#announcer")).to_have_text("")  # counts that grow are not announced
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


def test_export_is_what_the_filters_choose(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up"), track("Dropped", None), track("Signed Up"))
    page = open_page("?verdict=accepted")
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.suggested_filename == "events.ndjson"
    lines = Path(download.value.path()).read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["Signed Up", "Signed Up"]


def test_exported_file_is_imported_again(
    open_page: OpenPage, inspector: Server, tmp_path: Path
) -> None:
    """With its causes; what Segment would not have taken is told."""
    inspector.send(explained("no_cookie", "Lost"), *(track(f"Event {n}") for n in range(150)))
    exported = inspector.ask("GET", "/api/events.ndjson").text
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
