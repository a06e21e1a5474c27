"""A browser, an inspector and its page, for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    expect,
    sync_playwright,
)

from tests.missing import skip_without
from tests.processes import Server
from tests.servers.page.helpers import (
    OpenPage,
)
from tests.servers.page.pages import Pages

expect.set_options(timeout=15_000)  # a machine may be slow, or busy

FLAGS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="package")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file = tmp_path_factory.mktemp("inspector") / "events.db"
    with Server("inspect", f"--db={file}") as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_without("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
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
