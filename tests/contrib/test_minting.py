"""New profile ids and their cookies, in every adapter."""

from __future__ import annotations

import re
from typing import Any

import pytest

import koala_middleware as koala
import koala_middleware.asgi
import koala_middleware.wsgi
from koala_middleware import Mint, filters
from tests.adapters import (
    ADAPTERS,
    Site,
    request,
)
from tests.calls import BROWSER, EMAIL, NAVIGATION, asynchronously, identify, set_cookies, track
from tests.serving import Headers
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]

pytestmark = [pytest.mark.parametrize("adapter", ADAPTERS), pytest.mark.usefixtures("events")]


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
