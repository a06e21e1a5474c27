"""Screenshots, for eyes; nothing is wider than its window.

``KOALA_SCREENSHOTS`` names their folder, ``build/screenshots`` by default.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import expect

from tests.processes import Server
from tests.servers.page.helpers import OpenPage, photograph, row, track


@pytest.mark.parametrize(
    ("name", "width", "height", "scale", "scheme"),
    [
        ("phone", 320, 740, 1, "light"),
        ("tablet-dark", 768, 740, 1, "dark"),
        ("light", 1280, 740, 1, "light"),
        ("dark", 1280, 740, 1, "dark"),
        ("zoomed", 640, 400, 2, "light"),  # 1280 × 800 at 200 %
    ],
)
def test_page_fits_and_looks_right(
    open_page: OpenPage,
    inspector: Server,
    name: str,
    width: int,
    height: int,
    scale: int,
    scheme: str,
) -> None:
    """Nothing is wider than the window in any view; the screenshots are for eyes."""
    size = {"width": width, "height": height}
    page = open_page(viewport=size, device_scale_factor=scale, color_scheme=scheme)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    seen = [page.evaluate(fits)]
    photograph(page, f"empty-{name}")
    inspector.send(*examples())
    inspector.post("/v1/batch", {"batch": [{"price": float("nan")}]})
    expect(row(page, "Order Completed").first).to_be_visible()
    expect(page.locator("#total")).to_have_text(str(len(examples()) + 1))
    photograph(page, f"list-{name}")
    seen.append(page.evaluate(fits))
    row(page, "Order Completed").first.locator(".event").click()
    expect(page.locator("#detail .facts")).to_be_visible()
    photograph(page, f"detail-{name}")
    seen.append(page.evaluate(fits))
    page.locator("#detail .visitor-link").click()
    expect(page.locator("#visitor-counts")).to_contain_text("oldest first")
    photograph(page, f"visitor-{name}")
    seen.append(page.evaluate(fits))
    assert seen == [True] * 4


def examples() -> list[dict[str, Any]]:
    """Return what a small shop's visitors do."""
    library = {"library": {"name": "analytics-python", "version": "2.4.0"}}
    story: list[tuple[str, dict[str, Any]]] = [
        ("Signed Up", {"plan": "free"}),
        ("Product Added", {"sku": "mug", "price": 12.5}),
        ("Plan Upgraded", {"plan": "team", "seats": 8}),
        ("Report Exported", {"rows": 1024, "columns": ["month", "visits"]}),
        ("Order Completed", {"total": 49.5, "items": [{"sku": "mug", "count": 2}]}),
    ]
    messages: list[dict[str, Any]] = []
    for number in range(24):
        visitor = number % 4 + 1
        profile_id = str(UUID(int=0x3E6A2C183B0240C4B8D21842C193D3BA * visitor % 2**128, version=4))
        event, properties = story[number % len(story)]
        message: dict[str, Any] = {"userId": f"user-{visitor}", "context": library}
        if number % 6 == 2:
            messages.append({**track(event, None, **properties), **message})
        elif number % 11 == 7:
            email = f"user-{visitor}@example.com"
            traits = {"email": email, "profile_id": profile_id}
            messages.append({**message, "type": "identify", "traits": traits})
        else:
            messages.append({**track(event, profile_id, **properties), **message})
    late = {**track("Receipt Downloaded"), "userId": "user-1", "timestamp": "yesterday"}
    return [
        *messages,
        late,
        {**track("Cart Viewed"), "userId": None},
        {"type": "page", "userId": "user-2", "name": "Pricing"},
        *messages[3:5],
    ]
