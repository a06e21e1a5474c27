"""Why an event has no profile id: each cause, with every adapter."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
from koala_middleware import Cause, explanation
from tests.adapters import ADAPTERS, Site, request
from tests.visitors import ALICE

Events = list[dict[str, Any]]
COOKIE = f"ko_id={ALICE}"


def track(**properties: object) -> None:
    analytics.track("u1", "E", properties)


def fail(request: Any) -> bool:
    raise ValueError


def in_a_thread() -> None:
    thread = Thread(target=track)
    thread.start()
    thread.join()


def hidden() -> None:
    with koala.profile(None):
        track()


def set_by_caller() -> None:
    track(profile_id=None)


def too_large() -> None:
    analytics.track("u1", "E", {"text": "x" * 31900})


class Failing(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        raise ValueError


def failed() -> None:
    analytics.track("u1", "E", Failing(a=1))


CAUSES = [
    pytest.param({}, COOKIE, track, Cause.ADDED, id="added"),
    pytest.param({"property_name": "vid"}, COOKIE, track, Cause.ADDED, id="other-property_name"),
    pytest.param({}, "theme=dark", track, Cause.NO_COOKIE, id="no-cookie"),
    pytest.param({}, "ko_id=1234", track, Cause.INVALID_COOKIE, id="not-a-uuid"),
    pytest.param({"cookie_name": "kid"}, COOKIE, track, Cause.NO_COOKIE, id="wrong-cookie_name"),
    pytest.param({"request_filter": bool}, COOKIE, track, Cause.ADDED, id="admitted"),
    pytest.param(
        {"request_filter": lambda request: False}, COOKIE, track, Cause.REFUSED, id="refused"
    ),
    pytest.param({"request_filter": fail}, COOKIE, track, Cause.FILTER_FAILED, id="filter-raised"),
    pytest.param({}, COOKIE, hidden, Cause.NO_REQUEST, id="profile-none"),
    pytest.param({}, COOKIE, set_by_caller, Cause.SET_BY_CALLER, id="set-by-caller"),
    pytest.param({}, COOKIE, failed, Cause.FAILED, id="failed"),
]
NOBODYS = [
    pytest.param({}, in_a_thread, Cause.NO_REQUEST, id="thread"),
    pytest.param({"enabled": False}, track, Cause.SWITCHED_OFF, id="switched-off"),
]


def said(event: dict[str, Any]) -> Any:
    """Return what an event says of itself, and check what every one says."""
    told = event["context"]["koala"]
    assert set(told) == {"cause", "call", "request", "version"}
    assert told["call"].startswith("tests/contrib/test_explain.py:")
    assert told["version"]
    return told


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("options", "cookie", "call", "cause"), CAUSES)
def test_cause_is_sent(
    adapter: str, options: Any, cookie: str, call: Any, cause: str, events: Events
) -> None:
    request(adapter, Site(call, {**options, "explain": True}), cookie=cookie)
    (event,) = events
    told = said(event)
    assert told["cause"] == cause
    wanted = None if call is hidden else {"method": "GET", "path": "/page"}
    assert told["request"] == wanted
    assert cookie.partition("=")[2] not in str(told)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("options", "call", "cause"), NOBODYS)
def test_cause_where_nobody_is_current(
    adapter: str,
    options: Any,
    call: Any,
    cause: str,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No option is known there, so the environment says whether to explain."""
    monkeypatch.setenv("KOALA_EXPLAIN", "1")
    request(adapter, Site(call, options), cookie=COOKIE)
    (event,) = events
    assert (said(event)["cause"], said(event)["request"]) == (cause, None)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("options", "cookie", "call", "cause"), CAUSES)
def test_explain(
    adapter: str, options: Any, cookie: str, call: Any, cause: str, events: Events
) -> None:
    """The functions that track are of no interest here; the request is not known."""
    found: list[koala.Explanation] = []

    def view() -> None:
        found.append(koala.explain())

    request(adapter, Site(view, options), cookie=cookie)
    if call is track:
        assert found == [koala.Explanation(Cause(cause), found[0].detail)]
        assert "{" not in found[0].detail


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_request_is_known_where_it_is_kept(adapter: str) -> None:
    found: list[koala.Explanation] = []
    site = Site(lambda: found.append(koala.explain()), {"explain": True})
    request(adapter, site)
    assert (found[0].cause, found[0].method, found[0].path) == ("no_cookie", "GET", "/page")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_environment_explains_requests_too(
    adapter: str, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOALA_EXPLAIN", "1")
    request(adapter, Site(track))
    assert said(events[0])["request"] == {"method": "GET", "path": "/page"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_nothing_is_sent_by_default(adapter: str, events: Events) -> None:
    request(adapter, Site(track))
    assert set(events[0]["context"]) == {"library"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_too_large_event_says_so(adapter: str, events: Events) -> None:
    # Its long name takes more room than the explanation.
    options = {"explain": True, "property_name": "p" * 900}
    request(adapter, Site(too_large, options), cookie=COOKIE)
    (event,) = events
    assert set(event["properties"]) == {"text"}
    assert said(event)["cause"] == "too_large"


def test_middleware_forgotten(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALA_EXPLAIN", "1")
    koala.instrument()
    track()
    assert koala.explain().cause == "no_middleware"
    assert said(events[0])["cause"] == "no_middleware"


@pytest.fixture(autouse=True)
def reread() -> Any:
    yield
    explanation.everywhere = False
