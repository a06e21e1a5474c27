"""Thousands of events, at once and one after another."""

from __future__ import annotations

import os
import re
import time

from playwright.sync_api import Route, expect

from tests.processes import Server
from tests.servers.page.helpers import SCREENSHOTS, OpenPage, names, row, scroll_to_the_end, track


def test_ten_thousand_events_scroll_in_few_elements(open_page: OpenPage, inspector: Server) -> None:
    for start in range(0, 10_000, 2500):
        inspector.send(*(track(f"Event {start + number}") for number in range(2500)))
    page = open_page()
    expect(row(page, "Event 9999")).to_be_visible()
    most, frames = page.evaluate(
        """async () => {
          const scroller = document.getElementById("grid");
          const frames = [];
          let most = 0;
          let last = performance.now();
          for (const end = last + 20000; performance.now() < end;) {
            scroller.scrollTop += 4000;
            const now = await new Promise(requestAnimationFrame);
            frames.push(now - last);
            last = now;
            most = Math.max(most, document.querySelectorAll("#rows > *").length);
            if (document.getElementById("grid").ariaRowCount > 10000
              && scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) break;
          }
          return [most, frames.sort((one, other) => one - other)];
        }"""
    )
    expect(row(page, "Event 0").first).to_be_visible()
    report("scroll through 10,000 events", frames, f"{most} rows in the document")
    assert most < 80
    assert frames[len(frames) // 2] < 250


def test_scrolling_back_loads_again_what_was_let_go(open_page: OpenPage, inspector: Server) -> None:
    """The page keeps 20,000 rows; here 1,000, to reach that sooner."""
    for start in (0, 1300):
        inspector.send(*(track(f"Event {start + number}") for number in range(1300)))
    page = open_page()

    def fewer(route: Route) -> None:
        body = route.fetch().text().replace("20_000", "1_000")
        uncached = {"Content-Type": "text/javascript", "Cache-Control": "no-store"}
        route.fulfill(body=body, headers=uncached)

    page.route("**/rows.js", fewer)
    page.reload()
    scroll_to_the_end(page, "Event 0")
    expect(page.locator("#news")).to_have_text(re.compile(r"[\d,]+ new ↑"))
    assert page.locator("#grid").get_attribute("aria-rowcount") == "1001"
    deadline = time.monotonic() + 20
    while row(page, "Event 2599").count() == 0:
        assert time.monotonic() < deadline
        page.evaluate("document.getElementById('grid').scrollTop -= 3000")
        page.wait_for_timeout(20)
        numbers = [int(name.removeprefix("Event ")) for name in names(page)]
        assert numbers == list(range(numbers[0], numbers[-1] - 1, -1))
    expect(page.locator("#news")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_thousand_events_a_second_do_not_fall_behind(
    open_page: OpenPage, inspector: Server
) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          window.frames_ = [];
          let last = performance.now();
          requestAnimationFrame(function frame(now) {
            window.frames_.push(now - last);
            last = now;
            requestAnimationFrame(frame);
          });
        }"""
    )
    seconds = float(os.environ.get("KOALA_BURST_SECONDS", "2"))
    start = time.monotonic()
    for number in range(int(seconds * 10)):
        inspector.send(*(track(f"Event {number}.{each}") for each in range(100)))
        time.sleep(max(0.0, start + (number + 1) / 10 - time.monotonic()))
    sent = time.monotonic()
    newest = page.locator("#rows [aria-rowindex='2'] .event")
    expect(newest).to_have_text(f"Event {int(seconds * 10) - 1}.99")
    lag = time.monotonic() - sent
    expect(page.locator("#total")).to_have_text(f"{int(seconds * 1000):,}")
    frames = sorted(page.evaluate("window.frames_"))
    rate = seconds * 1000 / (sent - start)
    report(f"{rate:.0f} events/s for {seconds:.0f} s", frames, f"newest seen after {lag:.2f} s")
    assert lag < 5
    assert page.locator("#rows > *").count() < 80


def report(what: str, frames: list[float], more: str) -> None:
    at = {f"p{share}": frames[int(len(frames) * share / 100)] for share in (50, 95, 99)}
    told = ", ".join(f"{name} {ms:.1f} ms" for name, ms in {**at, "most": frames[-1]}.items())
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with (SCREENSHOTS / "measured.txt").open("a") as file:
        file.write(f"{what}: {len(frames)} frames, {told}; {more}\n")
