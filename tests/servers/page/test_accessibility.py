"""axe-core in every view, contrast, and reflow."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from playwright.sync_api import (
    expect,
)

from tests.missing import skip_without
from tests.processes import Server
from tests.servers.page.helpers import (
    PAGE_FILES,
    OpenPage,
    explained,
    track,
)
from tests.visitors import ALICE


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
    inspector.post("/v1/batch", ["no object"])
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
