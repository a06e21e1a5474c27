"""Every option with every adapter."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
import koala_middleware.asgi
import koala_middleware.wsgi
from koala_middleware import Mint, filters
from koala_middleware.sources import EnvironSource, ScopeSource
from tests.adapters import (
    ADAPTERS,
    Site,
    request,
)
from tests.calls import BROWSER, EMAIL, NAVIGATION, asynchronously, identify, track
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]

pytestmark = [pytest.mark.parametrize("adapter", ADAPTERS), pytest.mark.usefixtures("events")]


def anonymous() -> None:
    analytics.track(event="E")


OPTIONS = [
    pytest.param({}, {"cookie": f"ko_id={ALICE}"}, track, {"profile_id": ALICE}, id="none"),
    pytest.param({}, {}, track, {}, id="none-without-a-cookie"),
    pytest.param({}, {"cookie": f"ko_id={ALICE}"}, identify, {}, id="none-identify"),
    pytest.param(
        {"cookie_name": "vid"},
        {"cookie": f"vid={ALICE}"},
        track,
        {"profile_id": ALICE},
        id="cookie_name",
    ),
    pytest.param(
        {"property_name": "vid"},
        {"cookie": f"ko_id={ALICE}"},
        track,
        {"vid": ALICE},
        id="property_name",
    ),
    pytest.param(
        {"parse": str.upper}, {"cookie": "ko_id=abc"}, track, {"profile_id": "ABC"}, id="parse"
    ),
    pytest.param(
        {"request_filter": filters.respect_gpc},
        {"cookie": f"ko_id={ALICE}", "sec_gpc": "1"},
        track,
        {},
        id="request_filter-refuses",
    ),
    pytest.param(
        {"request_filter": filters.respect_gpc & ~filters.skip_paths("/other")},
        {"cookie": f"ko_id={ALICE}"},
        track,
        {},
        id="request_filter-combined",
    ),
    pytest.param(
        {"request_filter": filters.skip_paths("/other") & filters.skip_bots},
        {"cookie": f"ko_id={ALICE}"},
        track,
        {"profile_id": ALICE},
        id="request_filter-admits",
    ),
    pytest.param(
        {"request_filter": filters.respect_gpc, "email": lambda request: EMAIL, "context": True},
        {"cookie": f"ko_id={ALICE}", "sec_gpc": "1"},
        track,
        {},
        id="request_filter-refuses-the-email-too",
    ),
    pytest.param(
        {"identify": True},
        {"cookie": f"ko_id={ALICE}"},
        identify,
        {"profile_id": ALICE},
        id="identify",
    ),
    pytest.param(
        {"header_name": "X-Visitor"},
        {"x_visitor": ALICE},
        track,
        {"profile_id": ALICE},
        id="header_name",
    ),
    pytest.param(
        {"header_name": "X-Visitor"},
        {"x_visitor": ALICE, "cookie": f"ko_id={BOB}"},
        track,
        {"profile_id": BOB},
        id="header_name-beside-a-cookie",
    ),
    pytest.param(
        {"header_name": "X-Visitor"}, {"x_visitor": "x" * 9999}, track, {}, id="header_name-wrong"
    ),
    pytest.param({"header_name": "X-Visitor"}, {}, track, {}, id="header_name-absent"),
    pytest.param({"email": lambda request: EMAIL}, {}, track, {"email": EMAIL}, id="email"),
    pytest.param(
        {"email": lambda request: EMAIL}, {}, identify, {"email": EMAIL}, id="email-identify"
    ),
    pytest.param({"email": lambda request: None}, {}, track, {}, id="email-none"),
    pytest.param({"email": lambda request: ""}, {}, track, {}, id="email-empty"),
    pytest.param(
        {"email": lambda request: EMAIL},
        {},
        lambda: track(email=None),
        {"email": None},
        id="email-of-the-caller",
    ),
]


@pytest.mark.parametrize(("options", "headers", "call", "expected"), OPTIONS)
def test_option(
    adapter: str, options: Any, headers: Any, call: Any, expected: Any, events: Events
) -> None:
    request(adapter, Site(call, options), **headers)
    (event,) = events
    assert event.get("properties", event.get("traits")) == expected
    assert set(event["context"]) == {"library"}


@pytest.mark.parametrize(
    ("call", "options"), [(anonymous, {}), (lambda: analytics.identify(), {"identify": True})]
)
def test_anonymous_id(adapter: str, call: Any, options: Any, events: Events) -> None:
    request(adapter, Site(call, options), cookie=f"ajs_anonymous_id=%22a1%22; ko_id={ALICE}")
    request(adapter, Site(call, options), cookie=f"ko_id={ALICE}")
    assert [event["anonymousId"] for event in events] == ["a1", ALICE]


def test_email_is_asked_until_it_is_known(adapter: str, events: Events) -> None:
    """A user who logs in in the middle of the request counts from then on."""

    def view() -> None:
        track()
        answers.append(EMAIL)
        track()
        answers.append("bob@example.com")
        track()

    def email(request: Any) -> str | None:
        asked.append(type(request).__name__)
        return answers[-1]

    answers: list[str | None] = [None]
    asked: list[str] = []
    request(adapter, Site(view, {"email": email}))
    assert [event["properties"].get("email") for event in events] == [None, EMAIL, EMAIL]
    types = {"wsgi": "dict", "asgi": "dict", "starlette": "HTTPConnection"}
    types |= {"django-wsgi": "WSGIRequest", "django-asgi": "ASGIRequest"}
    assert asked == [types.get(adapter, "Request")] * 2


@pytest.mark.parametrize(
    "option",
    [
        pytest.param(lambda ask: {"email": ask}, id="email"),
        pytest.param(lambda ask: {"parse": ask, "cookie_name": "vid"}, id="parse"),
        pytest.param(lambda ask: {"request_filter": ask}, id="request_filter"),
        pytest.param(lambda ask: {"mint": Mint(when=ask)}, id="mint.when"),
    ],
)
def test_callable_of_an_option_runs_as_nobody(adapter: str, option: Any, events: Events) -> None:
    """An email that tracks was asked again by its own event, without end."""

    def ask(request: Any) -> None:
        asked.append(koala.get_profile_id())
        analytics.track("u1", "Asked")

    asked: list[str | None] = []
    with koala.profile(BOB):
        request(adapter, Site(track, option(ask)), cookie=f"vid={ALICE}", **NAVIGATION)
    assert asked == [None]
    assert [event["event"] for event in events] == ["Asked", "E"]
    assert events[0]["properties"] == {}


@pytest.mark.parametrize("answer", [5, KeyError(EMAIL)])
def test_email_that_fails_is_logged_once_without_its_value(
    adapter: str, answer: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    def email(request: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    for _ in range(2):
        request(adapter, Site(track, {"email": email}))
    assert [event["properties"] for event in events] == [{}, {}]
    ours = [record for record in caplog.records if record.name == "koala_middleware"]
    assert len(ours) == 1
    assert "the option email failed" in ours[0].getMessage()
    assert EMAIL not in caplog.text


def test_context(adapter: str, events: Events) -> None:
    for call in (track, identify):
        request(adapter, Site(call, {"context": True}), "http://site.test/caf%C3%A9?a=1", **BROWSER)
    for event in events:
        del event["context"]["library"]
        assert event["context"] == {
            "ip": "192.0.2.7",
            "userAgent": "Mozilla/5.0",
            "page": {
                "path": "/caf%C3%A9",
                "search": "?a=1",
                "url": "http://site.test/caf%C3%A9?a=1",
                "referrer": "http://search.test/",
            },
        }


def test_context_of_the_caller_wins(adapter: str, events: Events) -> None:
    context = {"ip": None, "page": {"title": "Home"}, "os": {}}

    def view() -> None:
        analytics.track("u1", "E", None, dict(context))

    request(adapter, Site(view, {"context": True}), **BROWSER)
    del events[0]["context"]["library"]
    assert events[0]["context"] == context | {"userAgent": "Mozilla/5.0"}


def test_context_that_is_no_dict_is_the_sdks_to_refuse(adapter: str) -> None:
    def view() -> None:
        with pytest.raises(AssertionError, match="context must have"):
            analytics.track("u1", "E", None, "context")

    request(adapter, Site(view, {"context": True}))


def test_context_in_part(adapter: str, events: Events) -> None:
    request(adapter, Site(track, {"context": {"ip"}}), **BROWSER)
    del events[0]["context"]["library"]
    assert events[0]["context"] == {"ip": "192.0.2.7"}


@pytest.mark.parametrize("user_id", [0, False, 0.0, "", None])
def test_user_id_that_is_false_is_left_out(adapter: str, user_id: Any, events: Events) -> None:
    """The SDK would send it as the text "0" or "False", one user for all such visitors."""
    request(adapter, Site(lambda: analytics.track(user_id, "E")), cookie=f"ko_id={ALICE}")
    assert events[0]["anonymousId"] == ALICE
    assert events[0].get("userId") is None


def test_context_that_fails_costs_nothing_else(
    adapter: str, events: Events, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for source in (EnvironSource, ScopeSource):
        monkeypatch.setattr(source, "path", property(lambda source: 1 / 0))
    options = {"context": True, "email": lambda request: EMAIL}
    request(adapter, Site(anonymous, options), cookie=f"ko_id={ALICE}", **BROWSER)
    (event,) = events
    assert event["properties"] == {"profile_id": ALICE, "email": EMAIL}
    assert event["anonymousId"] == ALICE
    assert set(event["context"]) == {"ip", "userAgent", "library"}
    assert "the context's page cannot be read" in caplog.messages[0]


def test_bound_properties(adapter: str, events: Events) -> None:
    def view() -> None:
        koala.bind(plan="team", seats=5)
        koala.bind(plan="pro")
        track(seats=None)
        identify()

    request(adapter, Site(view), cookie=f"ko_id={ALICE}")
    request(adapter, Site(track), cookie=f"ko_id={ALICE}")
    first, identified, second = events
    assert first["properties"] == {"plan": "pro", "seats": None, "profile_id": ALICE}
    assert identified["traits"] == {}
    assert second["properties"] == {"profile_id": ALICE}


def test_visitor_may_be_copied_and_pickled(adapter: str) -> None:
    """As a part of an environ, a scope or a request; what is pickled has nobody's id."""

    def view() -> None:
        visitor = koala.current_visitor()
        assert copy.copy(visitor) is copy.deepcopy({"koala": visitor})["koala"] is visitor
        unpickled.extend(pickle.loads(pickle.dumps([visitor])))

    unpickled: list[object] = []
    options = {"email": lambda request: EMAIL, "context": True}
    request(adapter, Site(view, options), cookie=f"ko_id={ALICE}; ajs_anonymous_id=a1")
    assert unpickled == [None]


def test_outgoing_headers(adapter: str) -> None:
    def view() -> None:
        seen.append(koala.outgoing_headers())

    seen: list[dict[str, str]] = []
    request(adapter, Site(view), cookie=f"ko_id={ALICE}")
    request(adapter, Site(view, {"header_name": "X-Visitor"}), x_visitor=ALICE)
    request(adapter, Site(view))
    assert seen == [{"X-Koala-Profile-Id": ALICE}, {"X-Visitor": ALICE}, {}]


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(f"a=b,ko_id={ALICE}", id="after"),
        pytest.param(f"ko_id={ALICE},a=b", id="before"),
        pytest.param(f"a=b,ko_id={ALICE},ajs_anonymous_id=a1;c=d", id="between"),
        pytest.param(f'prefs={{"a":1,ko_id={BOB},"b":2}}; ko_id={ALICE}', id="in-another-cookie"),
    ],
)
def test_cookies_that_a_bridge_has_joined(adapter: str, cookie: str, events: Events) -> None:
    """Bridges from ASGI to WSGI join what HTTP/2 sends in pieces with a comma."""
    request(adapter, Site(track, {"mint": Mint(when=bool)}), cookie=cookie)
    assert events[0]["properties"] == {"profile_id": ALICE}


def test_anonymous_id_that_a_bridge_has_joined(adapter: str, events: Events) -> None:
    request(adapter, Site(anonymous), cookie=f"ajs_anonymous_id=a1,ko_id={ALICE}")
    assert events[0]["anonymousId"] == "a1"


@pytest.mark.parametrize(
    ("options", "call"),
    [
        pytest.param({"request_filter": asynchronously}, track, id="request_filter"),
        pytest.param({"parse": asynchronously}, track, id="parse"),
        pytest.param({"email": asynchronously}, identify, id="email"),
    ],
)
def test_answer_that_has_to_be_awaited_is_a_refusal(
    adapter: str, options: Any, call: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """An awaitable is true whatever it would say, so a filter would let everybody pass.

    It is closed: pytest fails for a coroutine that was never awaited.
    """
    for _ in range(2):
        request(adapter, Site(call, options), cookie=f"ko_id={ALICE}")
    assert [event.get("properties", event.get("traits")) for event in events] == [{}, {}]
    assert len([record for record in caplog.records if record.name == "koala_middleware"]) == 1
