"""Every option with every adapter."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from typing import Any

import pytest
import segment.analytics as analytics
from django.test import override_settings
from segment.analytics.client import Client
from werkzeug.test import run_wsgi_app

import koala_middleware as koala
import koala_middleware.asgi
import koala_middleware.wsgi
from koala_middleware import Mint, filters
from koala_middleware.sources import EnvironSource, ScopeSource
from tests.adapters import (
    ADAPTERS,
    ASGI,
    WSGI,
    Site,
    request,
    settings_for,
)
from tests.serving import Headers, asgi_request, environ_of, scope_of
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]

pytestmark = [pytest.mark.parametrize("adapter", ADAPTERS), pytest.mark.usefixtures("events")]

EMAIL = "alice@example.com"
BROWSER = {"user_agent": "Mozilla/5.0", "referer": "http://search.test/"}
NAVIGATION = {"sec_fetch_dest": "document"}


def track(**properties: object) -> None:
    analytics.track("u1", "E", properties)


def identify(**traits: object) -> None:
    analytics.identify("u1", traits)


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


async def coroutine(value: object) -> Any:
    raise AssertionError("nobody awaits it")


def asynchronously(value: object) -> Any:
    """Return a coroutine, as no check of the function itself can know."""
    return coroutine(value)


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


# mint


def set_cookies(headers: Headers) -> list[str]:
    return [value.strip() for name, value in headers if name.lower() == "set-cookie"]


def minted(adapter: str, site: Site, **headers: str) -> list[str]:
    """Return the profile ids in a response's cookies."""
    site.options.setdefault("mint", Mint())
    cookies = set_cookies(request(adapter, site, **headers))
    return [re.findall("^ko_id=([0-9a-f-]{36});", cookie)[0] for cookie in cookies]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_minted_id_is_in_the_cookie_and_in_the_events(
    adapter: str, status: int, events: Events
) -> None:
    (profile_id,) = minted(adapter, Site(track, status=status), **NAVIGATION)
    assert events[0]["properties"] == {"profile_id": profile_id}
    assert koala.parse_profile_id(profile_id) == profile_id
    assert profile_id[14] == "4"


def test_minted_cookie_has_the_attributes_of_the_mint(adapter: str) -> None:
    mint = Mint(domain=".site.test", max_age=60, samesite="None", secure=True)
    (cookie,) = set_cookies(request(adapter, Site(track, {"mint": mint}), **NAVIGATION))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    expected = {"domain=.site.test", "max-age=60", "path=/", "samesite=none", "secure"}
    assert attributes == expected


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_minted_cookie_is_secure_where_the_request_is(
    adapter: str, scheme: str, secure: bool
) -> None:
    site = Site(track, {"mint": Mint()})
    (cookie,) = set_cookies(request(adapter, site, f"{scheme}://site.test/", **NAVIGATION))
    assert ("secure" in cookie.lower()) is secure
    assert "httponly" not in cookie.lower()


PAST = "Thu, 01 Jan 1970 00:00:00 GMT"

NOT_MINTED = [
    pytest.param({}, {"cookie": f"ko_id={ALICE}", **NAVIGATION}, [], id="has-a-cookie"),
    pytest.param({"header_name": "X-V"}, {"x_v": ALICE, **NAVIGATION}, [], id="has-a-header"),
    pytest.param({}, {}, [], id="says-nothing"),
    pytest.param({}, {"sec_fetch_dest": "empty", "accept": "text/html"}, [], id="fetch"),
    pytest.param({}, {"accept": "application/json"}, [], id="api"),
    pytest.param({"request_filter": lambda request: False}, NAVIGATION, [], id="refused"),
    pytest.param({"mint": Mint(when=lambda request: False)}, NAVIGATION, [], id="when"),
    pytest.param({}, NAVIGATION, [("Cache-Control", "public, max-age=60")], id="public"),
    pytest.param({}, NAVIGATION, [("Cache-Control", "s-maxage=60")], id="s-maxage"),
    pytest.param({}, NAVIGATION, [("cache-control", "Max-Age=60")], id="max-age"),
    pytest.param({}, NAVIGATION, [("Expires", "Thu, 01 Dec 2094 16:00:00 GMT")], id="expires"),
    pytest.param({}, NAVIGATION, [("Last-Modified", PAST)], id="last-modified"),
    pytest.param(
        {}, NAVIGATION, [("Cache-Control", "max-age=0, stale-while-revalidate=9")], id="stale"
    ),
    pytest.param(
        {}, NAVIGATION, [("Cache-Control", 'max-age=9, private="X-Foo"')], id="private-for-a-field"
    ),
    *(
        pytest.param({}, NAVIGATION, [(field, value), ("Cache-Control", "private")], id=field)
        for field, value in [
            ("CDN-Cache-Control", "max-age=9"),
            ("Cloudflare-CDN-Cache-Control", "max-age=9"),
            ("Vercel-CDN-Cache-Control", "max-age=9"),
            ("Surrogate-Control", "max-age=9"),
            ("Edge-Control", "max-age=9"),
            ("X-Accel-Expires", "9"),
        ]
    ),
    pytest.param({}, {"cookie": "ko_id=wrong", **NAVIGATION}, [], id="invalid-cookie"),
    pytest.param({}, {"cookie": f"a=b,ko_id={ALICE}", **NAVIGATION}, [], id="joined-cookies"),
    pytest.param({"mint": Mint(samesite="None")}, NAVIGATION, [], id="samesite-none-over-http"),
    pytest.param(
        {"mint": Mint(samesite="Strict")},
        {"sec_fetch_site": "cross-site", **NAVIGATION},
        [],
        id="samesite-strict-from-another-site",
    ),
]


@pytest.mark.parametrize(("options", "headers", "sets"), NOT_MINTED)
def test_no_cookie_is_set(adapter: str, options: Any, headers: Any, sets: Headers) -> None:
    assert minted(adapter, Site(track, dict(options), sets), **headers) == []


MINTED = [
    pytest.param({}, {"cookie": "xko_id=1; a=ko_id=2", **NAVIGATION}, [], id="similar-cookies"),
    pytest.param({}, {"accept": "text/html,*/*"}, [], id="accept"),
    pytest.param({"mint": Mint(when=lambda request: True)}, {}, [], id="when"),
    pytest.param({}, NAVIGATION, [("Cache-Control", "private, max-age=60")], id="private"),
    pytest.param({}, NAVIGATION, [("Cache-Control", "max-age=0")], id="max-age-0"),
    pytest.param({}, NAVIGATION, [("Cache-Control", "public, no-store")], id="no-store"),
    pytest.param(
        {"mint": Mint(shared_caches=True)}, NAVIGATION, [("Cache-Control", "public")], id="told"
    ),
]


@pytest.mark.parametrize(("options", "headers", "sets"), MINTED)
def test_a_cookie_is_set(adapter: str, options: Any, headers: Any, sets: Headers) -> None:
    assert len(minted(adapter, Site(track, dict(options), sets), **headers)) == 1


def values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


@pytest.mark.parametrize(
    ("sets", "cache_control", "vary"),
    [
        pytest.param([], "private", "Cookie", id="nothing"),
        pytest.param(
            [("Cache-Control", "max-age=0")], "max-age=0, private", "Cookie", id="max-age-0"
        ),
        pytest.param([("Cache-Control", "no-store")], "no-store", "Cookie", id="no-store"),
        pytest.param([("vary", "Accept")], "private", "Accept, Cookie", id="vary"),
        pytest.param([("Vary", "cookie")], "private", "cookie", id="vary-cookie"),
        pytest.param([("Vary", "*")], "private", "*", id="vary-all"),
    ],
)
def test_response_that_sets_the_cookie_is_not_stored_for_others(
    adapter: str, sets: Headers, cache_control: str, vary: str
) -> None:
    headers = request(adapter, Site(track, {"mint": Mint()}, list(sets)), **NAVIGATION)
    assert len(set_cookies(headers)) == 1
    assert values(headers, "cache-control") == [cache_control]
    assert values(headers, "vary") == [vary]


def test_response_that_sets_no_cookie_has_its_own_headers(adapter: str) -> None:
    site = Site(track, {"mint": Mint()})
    headers = request(adapter, site, cookie=f"ko_id={ALICE}", **NAVIGATION)
    assert values(headers, "cache-control") == values(headers, "vary") == []


@pytest.mark.parametrize("shared", [False, True])
def test_response_that_is_not_modified_sets_no_cookie(adapter: str, shared: bool) -> None:
    """A cache adds its headers to the page that it has stored, and gives that to others."""
    site = Site(track, {"mint": Mint(shared_caches=shared)}, status=304)
    assert len(minted(adapter, site, **NAVIGATION)) == shared


def test_shared_caches_leaves_the_headers_alone(adapter: str) -> None:
    site = Site(track, {"mint": Mint(shared_caches=True)}, sets=[("Cache-Control", "public")])
    headers = request(adapter, site, **NAVIGATION)
    assert values(headers, "cache-control") == ["public"]
    assert values(headers, "vary") == []


def test_cookie_that_the_application_sets_is_the_only_one(adapter: str) -> None:
    site = Site(track, sets=[("Set-Cookie", f"ko_id={BOB}; Path=/")])
    assert minted(adapter, site, **NAVIGATION) == [BOB]


def test_other_cookies_of_the_application_stay(adapter: str) -> None:
    site = Site(track, {"mint": Mint()}, sets=[("Set-Cookie", "session=1; Path=/")])
    session, cookie = sorted(set_cookies(request(adapter, site, **NAVIGATION)), reverse=True)
    assert session.startswith("session=1;")
    assert cookie.startswith("ko_id=")


def fail(request: object) -> Any:
    raise LookupError


@pytest.mark.parametrize("when", [fail, asynchronously])
def test_mint_that_fails_is_logged_once(
    adapter: str, when: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert minted(adapter, Site(track, {"mint": Mint(when=when)}), **NAVIGATION) == []
    ours = [record for record in caplog.records if record.name == "koala_middleware"]
    assert len(ours) == 1
    assert len(events) == 2


def test_all_options_at_once(adapter: str, events: Events) -> None:
    options = {
        "identify": True,
        "header_name": "X-Visitor",
        "email": lambda request: EMAIL,
        "context": True,
        "mint": Mint(),
        "request_filter": filters.respect_gpc & filters.respect_dnt & filters.skip_bots,
    }

    def view() -> None:
        koala.bind(plan="team")
        track()
        identify()

    (profile_id,) = minted(adapter, Site(view, options), **NAVIGATION, **BROWSER)
    tracked, identified = events
    assert tracked["properties"] == {"plan": "team", "profile_id": profile_id, "email": EMAIL}
    assert identified["traits"] == {"profile_id": profile_id, "email": EMAIL}
    assert set(tracked["context"]) == {"ip", "userAgent", "page", "library"}


# enabled


def visitor_left_by(adapter: str, site: Site, wrap: Any = lambda app: app) -> Any:
    """Return the visitor of Alice's request as code outside the middleware finds it."""

    def outside(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        left.append(environ["koala.visitor"])
        return body

    async def async_outside(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        left.append(scope["koala"])

    left: list[Any] = []
    environ = environ_of(cookie=f"ko_id={ALICE}")
    with override_settings(**settings_for(site)):
        if adapter in WSGI:
            app = wrap(WSGI[adapter](site))
            run_wsgi_app(outside, environ)
        else:
            app = wrap(ASGI[adapter](site))
            asyncio.run(asgi_request(async_outside, scope_of(environ)))
    return left[0]


def test_visitor_is_left_to_code_outside(adapter: str) -> None:
    assert visitor_left_by(adapter, Site(track)).profile_id == ALICE


def test_switched_off_middleware_changes_nothing(adapter: str, events: Events) -> None:
    def view() -> None:
        seen.append(koala.current_visitor())
        track()

    def ask(request: object) -> Any:
        raise AssertionError

    seen: list[object] = []
    options = {"enabled": False, "mint": Mint(when=bool), "context": True, "identify": True}
    site = Site(view, {**options, "request_filter": ask, "email": ask})
    koala.instrument()
    assert set_cookies(request(adapter, site, cookie=f"ajs_anonymous_id=a; {BOB}")) == []
    assert seen == [None]
    assert events[0]["properties"] == {}
    assert set(events[0]["context"]) == {"library"}


def test_switched_off_middleware_leaves_an_empty_visitor(adapter: str) -> None:
    """So that what reads it, such as a template or an access log, goes on working."""
    visitor = visitor_left_by(adapter, Site(track, {"enabled": False}))
    assert (visitor.profile_id, visitor.anonymous_id, bool(visitor)) == (None, None, False)


def test_switched_off_middleware_keeps_the_visitor_of_an_outer_one(adapter: str) -> None:
    def view() -> None:
        seen.append(koala.get_profile_id())

    seen: list[str | None] = []
    outer = koala_middleware.wsgi if adapter in WSGI else koala_middleware.asgi
    visitor = visitor_left_by(adapter, Site(view, {"enabled": False}), outer.KoalaMiddleware)
    assert [visitor.profile_id, *seen] == [ALICE, ALICE]


def test_switched_off_middleware_leaves_the_sdk_alone(adapter: str) -> None:
    own = Client.track
    request(adapter, Site(bool, {"enabled": False}))
    assert Client.track is own
    request(adapter, Site(bool))
    assert Client.track is not own
