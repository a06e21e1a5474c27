"""A browser, an inspector and its page, for all tests of this folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.missing import skip_without
from tests.processes import Server
from tests.servers.page.helpers import Npm, OpenPage
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


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Npm:
    """Install packages of JavaScript, and return the folder that they are in."""
    program = shutil.which("npm")
    if program is None:
        skip_without("npm is not installed")

    def install(*packages: str) -> Path:
        folder = tmp_path_factory.mktemp("npm")
        command = [program, "install", "--no-save", "--silent", f"--prefix={folder}", *packages]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return folder / "node_modules"

    return install


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
