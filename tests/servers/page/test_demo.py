"""The demo's page: its buttons beside the list."""

from __future__ import annotations

from playwright.sync_api import expect

from koala_middleware.demo.actions import ACTIONS
from tests.processes import Server
from tests.servers.page.helpers import OpenPage, photograph, row


def test_demo_shows_its_buttons_beside_the_list(open_page: OpenPage) -> None:
    with Server("demo") as demo:
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
        expect(row(page, "Invoice Paid")).to_contain_text("No cookie in the request")
        expect(buttons.filter(has_text="Pay the invoice")).to_contain_text("dropped: no profile id")
        photograph(page, "demo")
