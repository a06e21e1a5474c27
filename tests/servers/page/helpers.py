"""What the tests of the page send and look for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.visitors import ALICE

OpenPage = Callable[..., Page]
Npm = Callable[..., Path]

SCREENSHOTS = Path(os.environ.get("KOALA_SCREENSHOTS", "build/screenshots"))
ROOT = Path(__file__).parents[3]
PAGE_FILES = ROOT / "koala_middleware" / "inspector" / "page"


def track(event: object = "Signed Up", profile_id: object = ALICE, **properties: Any) -> Any:
    own = {} if profile_id is None else {"profile_id": profile_id}
    return {"type": "track", "userId": "u1", "event": event, "properties": {**properties, **own}}


def explained(
    cause: str, event: str = "Signed Up", profile_id: object = None, **properties: Any
) -> Any:
    """Return an event that says why it has no visitor, as KOALA_EXPLAIN=1 makes it."""
    request = {"method": "POST", "path": "/checkout"}
    said = {"cause": cause, "call": "billing/tasks.py:88", "request": request, "version": "0.1.0"}
    return {**track(event, profile_id, **properties), "context": {"koala": said}}


def names(page: Page) -> list[str]:
    """Return the listed events' names, from top to bottom."""
    return page.locator("#rows .event > bdi").all_text_contents()


def listed(page: Page, *wanted: str) -> None:
    """Wait until these are the listed events."""
    deadline = time.monotonic() + 20
    while names(page) != list(wanted):
        assert time.monotonic() < deadline, names(page)
        page.wait_for_timeout(20)


def row(page: Page, name: str) -> Locator:
    return page.locator("#rows [role=row]").filter(has_text=name)


def scroll_to_the_end(page: Page, last: str) -> None:
    deadline = time.monotonic() + 20
    while row(page, last).count() == 0:
        assert time.monotonic() < deadline, names(page)
        page.keyboard.press("End")
        page.wait_for_timeout(20)


def photograph(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"inspector-{name}.png")


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
