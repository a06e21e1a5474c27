"""The options user_id, anonymous_id, calls and all of context, with every adapter."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any

import pytest
import segment.analytics as analytics
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware import BrowserId, Mint
from tests.adapters import ADAPTERS, Site, request
from tests.clients import Tracking
from tests.serving import Headers
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MINT: dict[str, Any] = {"anonymous_id": "mint"}
NAVIGATION = {"sec_fetch_dest": "document"}
BROWSER = {
    "cookie": "ajs_group_id=%22acme%22",
    "user_agent": "Mozilla/5.0",
    "accept_language": "en-GB,en;q=0.9",
    "referer": "http://search.test/",
    "sec_ch_ua": '"Chromium";v="128"',
    "sec_ch_ua_mobile": "?0",
}


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Any:
    return request.param


def anonymous() -> None:
    analytics.track(event="E")


def set_cookies(headers: Headers) -> list[str]:
    return [value for name, value in headers if name.lower() == "set-cookie"]


# context


def test_context_is_that_of_analytics_js(adapter: str, events: Events) -> None:
    site = Site(lambda: analytics.track("u1", "E"), {"context": True})
    request(adapter, site, "http://site.test/shop?utm_source=news&utm_campaign=x", **BROWSER)
    del events[0]["context"]["library"]
    assert events[0]["context"] == {
        "ip": "192.0.2.7",
        "userAgent": "Mozilla/5.0",
        "userAgentData": {"brands": [{"brand": "Chromium", "version": "128"}], "mobile": False},
        "locale": "en-GB",
        "groupId": "acme",
        "campaign": {"source": "news", "name": "x"},
        "page": {
            "path": "/shop",
            "search": "?utm_source=news&utm_campaign=x",
            "url": "http://site.test/shop?utm_source=news&utm_campaign=x",
            "referrer": "http://search.test/",
        },
    }


def test_context_of_a_fetch_has_the_page_that_sent_it(adapter: str, events: Events) -> None:
    """Not the API's URL. So analytics.js on that page has it, campaign and all."""
    page = "http://site.test/cart?utm_source=ad"
    site = Site(lambda: analytics.track("u1", "E"), {"context": {"page", "campaign"}})
    request(adapter, site, "http://site.test/api?q=1", referer=page, sec_fetch_dest="empty")
    assert events[0]["context"]["page"] == {
        "path": "/cart",
        "search": "?utm_source=ad",
        "url": page,
    }
    assert events[0]["context"]["campaign"] == {"source": "ad"}


def test_context_is_found_out_once_a_request(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each call has a copy of its own, which a client may change."""

    def count(*args: Any) -> dict[str, Any]:
        asked.append(args)
        return {"page": {"path": "/"}, "userAgentData": {"brands": [{"brand": "A"}]}}

    class Changing:
        def track(
            self,
            user_id: Any,
            event: Any,
            properties: Any,
            context: Any,
            timestamp: Any,
            anonymous_id: Any,
        ) -> None:
            seen.append(repr(context))
            context["page"]["path"] = context["userAgentData"]["brands"][0]["brand"] = "changed"

    def view() -> None:
        for _ in range(2):
            Changing().track("u1", "E", None, None, None, None)

    asked: list[Any] = []
    seen: list[str] = []
    koala.instrument(Changing)
    monkeypatch.setattr("koala_middleware.request.request_context", count)
    request("wsgi", Site(view, {"context": True}))
    assert len(asked) == 1
    assert len(set(seen)) == 1


# user_id


def test_user_id_is_for_a_call_that_has_none(adapter: str, events: Events) -> None:
    def view() -> None:
        for user_id in (None, "", 0, "own"):
            analytics.track(user_id, "E")
        analytics.track(event="E", anonymous_id="a1")

    def user_id(request: object) -> str:
        asked.append(request)
        return "u7"

    asked: list[object] = []
    request(adapter, Site(view, {"user_id": user_id}), cookie="ajs_anonymous_id=a7")
    ids = [(event["userId"], event["anonymousId"]) for event in events]
    assert ids == [("u7", None), ("u7", None), ("u7", None), ("own", None), ("u7", "a1")]
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [None, "", 7, LookupError()])
def test_user_id_that_is_not_known(
    answer: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """The call gets an anonymous id, as without the option."""

    def user_id(request: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    request("wsgi", Site(anonymous, {"user_id": user_id}), cookie="ajs_anonymous_id=a7")
    assert (events[0]["userId"], events[0]["anonymousId"]) == (None, "a7")
    assert ("the option user_id failed" in caplog.text) is (answer not in (None, ""))


def test_user_id_of_identify_is_filled_with_its_option(events: Events) -> None:
    def view() -> None:
        analytics.identify(traits={"plan": "team"})

    options = {"user_id": lambda request: "u7"}
    request("wsgi", Site(view, {**options, "identify": True}))
    request("wsgi", Site(view, {**options, "calls": ["track", "identify"]}))
    assert [event["userId"] for event in events] == ["u7", "u7"]
    with pytest.raises(AssertionError):
        request("wsgi", Site(view, options))


# anonymous_id


def test_new_anonymous_id_is_as_analytics_js_sets_it(adapter: str, events: Events) -> None:
    """Its cookie storage writes a plain UUID for 365 days, for the whole site, not Secure."""
    site = Site(anonymous, MINT)
    headers = request(adapter, site, "https://www.shop.test/page", **NAVIGATION)
    (cookie,) = set_cookies(headers)
    morsel = SimpleCookie(cookie)["ajs_anonymous_id"]
    assert UUID4.fullmatch(morsel.value)
    assert {name: value for name, value in morsel.items() if value} == {
        "path": "/",
        "max-age": "31536000",
        "samesite": "Lax",
        "domain": "shop.test",
        **({"expires": morsel["expires"]} if morsel["expires"] else {}),
    }
    assert events[0]["anonymousId"] == morsel.value
    fields = {name.lower(): value for name, value in headers}
    assert (fields["vary"], fields["cache-control"]) == ("Cookie", "private")


def test_visitor_with_an_anonymous_id_keeps_it(adapter: str, events: Events) -> None:
    site = Site(anonymous, MINT)
    headers = request(adapter, site, cookie="ajs_anonymous_id=%22a7%22", **NAVIGATION)
    assert set_cookies(headers) == []
    assert events[0]["anonymousId"] == "a7"


@pytest.mark.parametrize(("used", "count"), [(True, 1), (False, 0)])
def test_call_of_an_api_gets_one_if_it_needs_it(
    adapter: str, used: bool, count: int, events: Events
) -> None:
    """So that it does not raise; but a request that tracks nothing sets no cookie."""
    site = Site(anonymous if used else (lambda: analytics.track("u1", "E")), MINT)
    headers = request(adapter, site, sec_fetch_dest="empty", sec_fetch_site="same-origin")
    assert len(set_cookies(headers)) == count
    assert len(events) == 1


def test_page_gets_one_though_it_tracks_nothing(adapter: str) -> None:
    headers = request(adapter, Site(lambda: None, MINT), **NAVIGATION)
    assert len(set_cookies(headers)) == 1


def test_both_ids_may_be_new(adapter: str, events: Events) -> None:
    def view() -> None:
        analytics.track(event="E")

    options = {**MINT, "mint": Mint(".site.test")}
    headers = request(adapter, Site(view, options), **NAVIGATION)
    cookies = SimpleCookie("; ".join(value.partition(";")[0] for value in set_cookies(headers)))
    assert {name: morsel.value for name, morsel in cookies.items()} == {
        "ko_id": events[0]["properties"]["profile_id"],
        "ajs_anonymous_id": events[0]["anonymousId"],
    }
    assert len(set_cookies(headers)) == 2
    assert len([name for name, _ in headers if name.lower() == "vary"]) == 1


def test_response_for_a_shared_cache_sets_none(adapter: str, events: Events) -> None:
    site = Site(lambda: None, MINT, sets=[("Cache-Control", "public, max-age=60")])
    headers = request(adapter, site, **NAVIGATION)
    assert set_cookies(headers) == []
    assert "Vary" not in dict(headers)


def test_id_that_no_response_may_set_is_given_up() -> None:
    """Else the access log had an id that the browser never gets."""
    site = Site(lambda: None, MINT, sets=[("Cache-Control", "public, max-age=60")])
    request("wsgi", site, **NAVIGATION)
    visitor = site.after[0][1]
    assert visitor is not None
    assert visitor.anonymous_id is None


def test_event_with_an_id_that_the_response_may_not_set_is_logged(
    events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(anonymous, MINT, sets=[("Cache-Control", "public, max-age=60")])
    request("wsgi", site, **NAVIGATION)
    assert events[0]["anonymousId"]
    assert "events have a new id whose cookie, ajs_anonymous_id, the response may" in caplog.text


def test_mint_says_how_to_set_the_anonymous_id(events: Events) -> None:
    mint = Mint(".example.com", when=lambda request: False)
    assert set_cookies(request("wsgi", Site(lambda: None, {"anonymous_id": mint}))) == []
    (cookie,) = set_cookies(request("wsgi", Site(anonymous, {"anonymous_id": mint})))
    assert "Domain=.example.com" in cookie


def test_request_of_another_site_makes_no_anonymous_id() -> None:
    """Its browser may have withheld the cookie, which a new one would overwrite."""
    with pytest.raises(AssertionError):
        request("wsgi", Site(anonymous, MINT), sec_fetch_site="cross-site", sec_fetch_dest="image")


# calls


def page(**arguments: Any) -> None:
    analytics.page("u1", None, "Home", {"a": 1}, **arguments)


CALLS: dict[str, Any] = {
    "page": page,
    "screen": lambda **arguments: analytics.screen("u1", None, "Home", {"a": 1}, **arguments),
    "group": lambda **arguments: analytics.group("u1", "g1", {"a": 1}, **arguments),
    "alias": lambda **arguments: analytics.alias("a1", "u1", **arguments),
}
IDS = (
    BrowserId(cookie="_fbp", path="context.fbp"),
    BrowserId(cookie="_fbp", path="properties.fbp"),
    BrowserId(cookie="_fbp", path="traits.fbp"),
    BrowserId(cookie="_scid", path="integrations.Snap Conversions Api.uuid_c1"),
)
FILLED: dict[str, Any] = {
    "context": {"userAgent"},
    "browser_ids": IDS,
    "consent": lambda request: {"C0001": True},
}
COOKIES = f"ko_id={ALICE}; _fbp=f; _scid=s; ajs_anonymous_id=a7"


@pytest.mark.parametrize("call", CALLS)
def test_calls_that_the_option_names_are_filled(adapter: str, call: str, events: Events) -> None:
    """But for properties and traits, which are a page's or a group's."""
    site = Site(CALLS[call], {**FILLED, "calls": (call,)})
    request(adapter, site, cookie=COOKIES, user_agent="Mozilla/5.0")
    del events[0]["context"]["library"]
    assert events[0]["context"] == {
        "userAgent": "Mozilla/5.0",
        "fbp": "f",
        "consent": {"categoryPreferences": {"C0001": True}},
    }
    assert events[0]["integrations"] == {"Snap Conversions Api": {"uuid_c1": "s"}}
    assert events[0].get("properties", events[0].get("traits", {"a": 1})) == {"a": 1}


@pytest.mark.parametrize("call", CALLS)
def test_calls_that_it_does_not_name_stay(call: str, events: Events) -> None:
    request("wsgi", Site(CALLS[call], FILLED), cookie=COOKIES, user_agent="Mozilla/5.0")
    assert list(events[0]["context"]) == ["library"]
    assert events[0]["integrations"] == {}


def test_track_that_it_does_not_name_stays(events: Events) -> None:
    site = Site(lambda: analytics.track("u1", "E"), {**FILLED, "calls": ["page"]})
    request("wsgi", site, cookie=COOKIES)
    assert events[0]["properties"] == events[0]["integrations"] == {}


@pytest.mark.parametrize("call", CALLS)
def test_call_of_the_caller_wins(call: str, events: Events) -> None:
    def view() -> None:
        CALLS[call](context=context, integrations={"All": False})

    context = {"userAgent": None, "consent": None, "fbp": "own"}
    request("wsgi", Site(view, {**FILLED, "calls": [call]}), cookie=COOKIES)
    del events[0]["context"]["library"]
    assert events[0]["context"] == context
    assert events[0]["integrations"] == {"All": False}


def test_calls_without_ids_get_them(events: Events) -> None:
    def view() -> None:
        analytics.page(name="Home")
        analytics.group(group_id="g1")
        analytics.alias(user_id="u1")

    request("wsgi", Site(view, {"calls": ["page", "group", "alias"]}), cookie=COOKIES)
    ids = [(event["userId"], event.get("anonymousId")) for event in events]
    assert ids == [(None, "a7"), (None, "a7"), ("u1", None)]
    assert events[2]["previousId"] == "a7"


def test_calls_without_ids_are_those_of_the_user(events: Events) -> None:
    def view() -> None:
        analytics.screen(name="Home")
        analytics.alias("a1")

    options = {"calls": ["screen", "alias"], "user_id": lambda request: "u7"}
    request("wsgi", Site(view, options), cookie=COOKIES)
    assert [event["userId"] for event in events] == ["u7", "u7"]


def test_wrong_arguments_of_a_call_are_the_sdks_to_refuse(events: Events) -> None:
    def view() -> None:
        with pytest.raises(TypeError, match=r"page\(\) got an unexpected keyword argument 'no'"):
            analytics.page(no=1)
        with pytest.raises(AssertionError, match="group_id must have"):
            analytics.group("u1")

    request("wsgi", Site(view, {**FILLED, "calls": ["page", "group"]}), cookie=COOKIES)


def test_calls_outside_a_request_stay(events: Events) -> None:
    koala.instrument()
    for call in CALLS.values():
        call()
    with koala.profile(ALICE, options=koala.Options(calls=["page", "group"])):
        analytics.page(name="Home")
    assert [event["userId"] for event in events] == ["u1", "u1", "u1", "u1", None]
    assert events[4]["anonymousId"] == ALICE


def test_call_that_is_too_large_goes_out_with_fewer_ids(events: Events) -> None:
    def view() -> None:
        analytics.page("u1", name="Home", properties={"text": "x" * 31500})

    long = [BrowserId(cookie=name, path=f"context.{name}") for name in ("short", "long")]
    site = Site(view, {"browser_ids": long, "calls": ["page"]})
    request("wsgi", site, cookie=f"short=s; long={'x' * 1000}")
    assert events[0]["context"].keys() == {"short", "library"}
    site = Site(view, {"context": {"userAgent"}, "calls": ["page"]})
    request("wsgi", site, user_agent="x" * 2000)
    assert list(events[1]["context"]) == ["library"]


def test_fault_of_ours_costs_a_call_nothing(
    events: Events, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> Any:
        raise LookupError

    monkeypatch.setattr("koala_middleware.segment.injection.fill", fail)
    request("wsgi", Site(page, {**FILLED, "calls": ["page"]}), cookie=COOKIES)
    assert events[0]["context"]["consent"]
    assert "an event goes out without the browser's ids" in caplog.text


def test_error_of_a_call_is_the_callers(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise RuntimeError("no network")

    def view() -> None:
        with pytest.raises(RuntimeError, match="no network"):
            page()

    monkeypatch.setattr(Client, "_enqueue", fail)
    request("wsgi", Site(view, {**FILLED, "calls": ["page"]}), cookie=COOKIES)


def test_call_of_a_client_without_integrations() -> None:
    class Plain(Tracking):
        def alias(self, previous_id: Any, user_id: Any, context: Any, timestamp: Any) -> None:
            seen.append(context)

    seen: list[Any] = []
    koala.instrument(Plain)
    site = Site(
        lambda: Plain().alias("a1", "u1", None, None),
        {"browser_ids": IDS, "calls": ["alias"]},
    )
    request("wsgi", site, cookie=COOKIES)
    assert seen == [{"fbp": "f"}]


# The header


def test_browser_ids_cross_to_the_next_service(adapter: str, events: Events) -> None:
    """As the profile id does; what that service's own cookie or query has comes first."""

    def view() -> None:
        sent.append(koala.outgoing_headers())

    sent: list[dict[str, str]] = []
    options = {"browser_ids": IDS, "header_name": "X-Koala-Profile-Id"}
    request(adapter, Site(view, options), cookie=COOKIES)
    assert sent[0]["X-Koala-Profile-Id"] == ALICE
    headers = {name.replace("-", "_"): value for name, value in sent[0].items()}
    site = Site(lambda: analytics.track("u1", "E"), options)
    request(adapter, site, cookie=f"ko_id={BOB}; _scid=own", **headers)
    assert events[0]["properties"] == {"profile_id": BOB, "fbp": "f"}
    assert events[0]["integrations"] == {"Snap Conversions Api": {"uuid_c1": "own"}}


def test_browser_ids_in_a_header_are_read_with_its_option_only(events: Events) -> None:
    site = Site(lambda: analytics.track("u1", "E"), {"browser_ids": IDS})
    request("wsgi", site, X_Koala_Browser_Ids="properties.fbp=f")
    assert events[0]["properties"] == {}
