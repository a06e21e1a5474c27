"""Pages of a browser that are used again."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, expect


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
        """Leave the pages, and check that none had errors."""
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
