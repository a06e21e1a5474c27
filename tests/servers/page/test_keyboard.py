"""The page without a mouse."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import OpenPage, listed, track
from tests.visitors import BOB


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
