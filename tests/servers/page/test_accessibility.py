"""axe-core in every view, contrast, and reflow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import PAGE_FILES, Npm, OpenPage, explained, row, track
from tests.visitors import ALICE


@pytest.fixture(scope="module")
def axe(npm: Npm) -> str:
    """Return the source of https://github.com/dequelabs/axe-core."""
    return (npm("axe-core@4.11.0") / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (320, 740)])
def test_page_is_accessible_in_every_view(
    open_page: OpenPage, inspector: Server, axe: str, width: int, height: int
) -> None:
    """In light and dark: of the other theme, what may differ is looked at."""
    faults: list[tuple[str, str, list[str]]] = []

    def look(view: str) -> None:
        for scheme, only in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            options = {"resultTypes": ["violations"], **only}
            found = page.evaluate("options => axe.run(options)", options)["violations"]
            faults.extend(
                (f"{view} {scheme}", each["id"], each["nodes"][0]["target"]) for each in found
            )
        faults.extend([(view, "too wide", [])] * page.evaluate(TOO_WIDE))

    page = open_page(viewport={"width": width, "height": height})
    page.evaluate(axe)
    look("empty")
    lost = (explained(cause, f"Lost {cause}") for cause in ("refused", "no_cookie"))
    inspector.send(*lost, {**track(), "userId": None}, {**track(), "type": "page"}, *[track()] * 40)
    inspector.post("/v1/batch", ["no object"])
    expect(page.locator("#issue-list li").first).to_be_visible()
    page.locator("#issue-list summary").first.click()
    look("list and issue")
    for name in ("Lost no_cookie", "Signed Up", "/v1/batch"):
        page.locator("#search").fill(f'event:"{name}"')
        row(page, name).first.locator(".event").click()
        expect(page.locator("#detail-title")).to_have_text(name)
        for section in page.locator("#detail :is(.edit, .compare) > summary").all():
            section.click()
        look(f"event {name}")
        page.locator("#close").click()
    page.locator("#search").fill("none at all")
    expect(page.locator("#nothing")).to_be_visible()
    look("nothing found")
    page.goto(f"{inspector.url}/?visitor={ALICE}")
    page.evaluate(axe)
    expect(page.locator("#visitor-counts")).to_contain_text("event")
    look("person")
    for button in ("#keys", "#clear")[width <= 640 :]:
        page.locator(button).click()
        look(button)
        page.keyboard.press("Escape")
    page.emulate_media(color_scheme="null")
    assert faults == []


TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def test_page_at_200_percent_reflows(open_page: OpenPage, inspector: Server) -> None:
    """The page scrolls, so that the list and an event have most of a low window."""
    inspector.send(*(explained("no_cookie", f"Event {number}") for number in range(40)))
    page = open_page(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    expect(row(page, "Event 39")).to_be_visible()
    assert page.evaluate("document.getElementById('grid').clientHeight") > 300
    row(page, "Event 30").scroll_into_view_if_needed()
    row(page, "Event 30").locator(".event").click()
    expect(page.locator("#detail-title")).to_be_in_viewport()
    expect(page.locator("#detail .hint")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(row(page, "Event 30")).to_be_in_viewport()


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
