"""What strangers send is text, and the page loads nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import PAGE_FILES, ROOT, OpenPage, listed, row, track

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}${7*7}",
    "\u202eevil\u202c \u0000\u0007\u001b[2J\r\n\u200b",
    "\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627",
    "W" * 1200,
    "\ud800 half a pair",
    "&lt;b&gt; &amp; </textarea></style>",
]


def hostile(text: str) -> Iterator[dict[str, Any]]:
    message = {
        "event": text,
        "userId": text,
        "anonymousId": text,
        "timestamp": text,
        "properties": {"profile_id": text, "email": text, text: {text: [text]}},
        "traits": {"email": text, text: text},
        "context": {"library": {"name": text}, text: text},
    }
    for kind in ("track", "identify", text):
        # SQLite's text, which message ids are, has no half of a surrogate pair.
        message_id = f"{text} {kind}".replace("\ud800", "half")
        yield {**message, "type": kind, "messageId": message_id}


INJECTED = """
  [...document.querySelectorAll("img, iframe, textarea:not(.edited), style, body script, "
    + "[onerror], [onload], [style*=url], a[href^=javascript]")].map(each => each.outerHTML)
    .concat(document.documentElement.scrollWidth > innerWidth ? ["too wide"] : [])
"""


def test_what_strangers_send_stays_text(open_page: OpenPage, inspector: Server) -> None:
    """In every field, also as a name; no dialog and no complaint comes: see Pages."""
    for text in HOSTILE:
        inspector.send(*hostile(text))
    page = open_page()
    count = 3 * len(HOSTILE)
    expect(page.locator("#count")).to_have_text(f"{count} events")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    for number in range(count):
        page.keyboard.press("j" if number else "Home")
        name = page.locator("#rows [aria-selected=true] .event bdi").first.inner_text()
        expect(page.locator("#detail-title")).to_contain_text(name.partition("…")[0])
        assert page.evaluate(INJECTED) == []
        assert not set("\u202e\u202c\u200b\x07\x1b\x00") & set(page.inner_text("#inspector"))
    for text in HOSTILE:
        page.goto(f"{inspector.url}/?{urlencode({'visitor': text, 'q': text}, errors='replace')}")
        expect(page.locator("#visitor-title")).to_be_visible()
        assert page.evaluate(INJECTED) == []


def test_javascript_link_is_not_a_link(open_page: OpenPage, inspector: Server) -> None:
    inspector.send(track("Signed Up", "javascript:alert(1)"))
    page = open_page()
    link = row(page, "Signed Up").locator(".visitor-link")
    assert str(link.get_attribute("href")).startswith("?visitor=javascript")
    link.click()
    listed(page, "Signed Up")


def test_page_loads_nothing_from_outside() -> None:
    folders = PAGE_FILES, ROOT / "koala_middleware" / "demo" / "page"
    for file in (file for folder in folders for file in folder.rglob("*.*")):
        text = file.read_text()
        assert set(re.findall(r"https?://[\w.]+", text)) <= {
            "http://www.w3.org",
            "https://trojansource.codes",
        }
        assert "innerHTML" not in text
        assert " style=" not in text
