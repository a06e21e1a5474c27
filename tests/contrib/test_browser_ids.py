"""The options browser_ids and consent, with every adapter."""

from __future__ import annotations

from typing import Any

import pytest
import segment.analytics as analytics
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware import BrowserId
from koala_middleware.consent import onetrust
from koala_middleware.destinations import FACEBOOK_CONVERSIONS, SNAP_CONVERSIONS
from koala_middleware.settings import options_from_settings
from tests.adapters import ADAPTERS, Site, request
from tests.visitors import ALICE

Events = list[dict[str, Any]]
FBP = "fb.1.1596403881668.1116446470"
SCID = "8f2f3a60-5b1e-4d0a-9f2e-0a1b2c3d4e5f"
SNAP = "Snap Conversions Api"
COOKIES = f"ko_id={ALICE}; _fbp={FBP}; _scid={SCID}; OptanonConsent=groups=C0001:1%2CC0004:0"


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Any:
    return request.param


def track(*args: Any, **kwargs: Any) -> None:
    analytics.track("u1", "E", *args, **kwargs)


def test_ids_go_where_destinations_read_them(adapter: str, events: Events) -> None:
    def view() -> None:
        track({"plan": "team"})
        seen.append(koala.get_browser_ids())

    seen: list[dict[str, str]] = []
    options = {"browser_ids": (*FACEBOOK_CONVERSIONS, *SNAP_CONVERSIONS)}
    request(adapter, Site(view, options), cookie=COOKIES)
    assert events[0]["properties"] == {"plan": "team", "profile_id": ALICE, "fbp": FBP}
    assert events[0]["integrations"] == {SNAP: {"uuid_c1": SCID}}
    assert seen == [{"properties.fbp": FBP, f"integrations.{SNAP}.uuid_c1": SCID}]


def test_id_comes_from_the_query(adapter: str, events: Events) -> None:
    site = Site(track, {"browser_ids": [BrowserId(query="gclid", path="properties.gclid")]})
    request(adapter, site, url="http://site.test/page?gclid=a%20b")
    assert events[0]["properties"] == {"gclid": "a b"}


def test_consent_is_stamped_and_decides(adapter: str, events: Events) -> None:
    fbp, scid = (
        BrowserId(cookie=name, path=f"properties.{name}", consent=category)
        for name, category in (("_fbp", "C0001"), ("_scid", "C0004"))
    )
    site = Site(track, {"browser_ids": [fbp, scid], "consent": onetrust(unknown="omit")})
    request(adapter, site, cookie=COOKIES)
    assert events[0]["properties"] == {"profile_id": ALICE, "_fbp": FBP}
    assert events[0]["context"]["consent"] == {
        "categoryPreferences": {"C0001": True, "C0004": False}
    }


@pytest.mark.parametrize("answer", [[], {"C0001": 1}, {1: True}, ValueError()])
def test_consent_that_fails_is_none(answer: Any, events: Events) -> None:
    """Nothing is consented to, so Segment sends the event to nobody who needs consent."""

    def consent(request: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    request("wsgi", Site(track, {"consent": consent}), cookie=COOKIES)
    assert events[0]["context"]["consent"] == {"categoryPreferences": {}}
    assert events[0]["properties"] == {"profile_id": ALICE}


@pytest.mark.parametrize("context", [{"consent": None}, {"consent": {"a": 1}}])
def test_consent_of_the_caller_wins(context: Any, events: Events) -> None:
    site = Site(lambda: track({}, context), {"consent": lambda request: {"C0001": True}})
    request("wsgi", site)
    assert events[0]["context"]["consent"] == context["consent"]


def test_unknown_consent_is_not_stamped(events: Events) -> None:
    site = Site(track, {"consent": lambda request: None})
    request("wsgi", site)
    assert "consent" not in events[0]["context"]


@pytest.mark.parametrize("integrations", [{SNAP: False}, {"All": False}, {SNAP: {"uuid_c1": None}}])
@pytest.mark.parametrize("position", [True, False])
def test_integrations_of_the_caller_win(integrations: Any, position: bool, events: Events) -> None:
    def view() -> None:
        before = repr(integrations)
        if position:
            track({}, None, None, None, integrations, "m1")
        else:
            track(integrations=integrations)
        assert repr(integrations) == before

    request("wsgi", Site(view, {"browser_ids": SNAP_CONVERSIONS}), cookie=COOKIES)
    assert events[0]["integrations"] == integrations
    assert not position or events[0]["messageId"] == "m1"


@pytest.mark.parametrize("identify", [True, False])
def test_identify_has_them_with_its_option(identify: bool, events: Events) -> None:
    browser_ids = [BrowserId(cookie="_fbp", path="traits.fbp")]
    site = Site(
        lambda: analytics.identify("u1", {"plan": "team"}),
        {"browser_ids": browser_ids, "identify": identify},
    )
    request("wsgi", site, cookie=COOKIES)
    added = {"profile_id": ALICE, "fbp": FBP} if identify else {}
    assert events[0]["traits"] == {"plan": "team", **added}


@pytest.mark.parametrize("method", ["track", "identify"])
def test_too_large_event_loses_them_one_by_one(method: str, events: Events) -> None:
    def view() -> None:
        if method == "track":
            track(large)
        else:
            analytics.identify("u1", large)

    root = "properties" if method == "track" else "traits"
    browser_ids = [
        BrowserId(cookie=name, path=f"{root}.{name}") for name in ("short", "long", "longer")
    ]
    cookie = f"ko_id={ALICE}; short=1; long={'x' * 700}; longer={'x' * 700}"
    large = {"text": "x" * 31200}
    site = Site(view, {"browser_ids": browser_ids, "identify": True})
    request("wsgi", site, cookie=cookie)
    assert events[0][root].keys() == {"text", "profile_id", "short", "long"}
    large = {"text": "x" * 32100}
    request("wsgi", site, cookie=cookie)
    assert events[1][root].keys() == {"text", "profile_id", "short"}


def test_ids_keep_the_order_of_the_option(events: Events) -> None:
    """The last is the first to go, wherever in the event each of them is."""

    def view() -> None:
        track({"text": "x" * 32100})
        seen.extend(koala.get_browser_ids())

    paths = ["properties.a", "context.device.b", "properties.c"]
    browser_ids = [BrowserId(cookie="a", path=path) for path in paths]
    seen: list[str] = []
    request("wsgi", Site(view, {"browser_ids": browser_ids}), cookie=f"a={'x' * 300}")
    assert seen == paths
    assert events[0]["properties"].keys() == {"text", "a"}
    assert "device" not in events[0]["context"]


@pytest.mark.parametrize(("method", "arguments"), [("track", ["E"]), ("identify", [])])
def test_other_errors_of_a_call_pass(
    method: str, arguments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, message: Any) -> Any:
        raise RuntimeError("no queue")

    def view() -> None:
        with pytest.raises(RuntimeError, match="no queue"):
            getattr(Client("key", send=False), method)("u1", *arguments)

    monkeypatch.setattr(Client, "_enqueue", fail)
    browser_ids = [BrowserId(cookie="_fbp", path="context.fbp")]
    request("wsgi", Site(view, {"browser_ids": browser_ids, "identify": True}), cookie=COOKIES)


def test_client_without_integrations(events: Events) -> None:
    class Plain:
        def track(
            self,
            user_id: Any,
            event: Any,
            properties: Any,
            context: Any,
            timestamp: Any,
            anonymous_id: Any,
        ) -> Any:
            return properties

    def view() -> None:
        seen.append(Plain().track("u1", "E", None, None, None, None))

    koala.instrument(Plain)
    seen: list[Any] = []
    browser_ids = (*FACEBOOK_CONVERSIONS, *SNAP_CONVERSIONS)
    request("wsgi", Site(view, {"browser_ids": browser_ids}), cookie=COOKIES)
    assert seen == [{"profile_id": ALICE, "fbp": FBP}]


def test_request_that_cannot_be_read_costs_only_them(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise LookupError

    monkeypatch.setattr("koala_middleware.request.source_of", fail)
    request("wsgi", Site(track, {"browser_ids": FACEBOOK_CONVERSIONS}), cookie=COOKIES)
    assert events[0]["properties"] == {"profile_id": ALICE}


def test_nobody_has_none() -> None:
    assert koala.get_browser_ids() == {}
    with koala.profile(ALICE):
        assert koala.get_browser_ids() == {}


def test_settings_may_name_presets() -> None:
    own = BrowserId(cookie="c", path="properties.c")
    settings = {"KOALA_BROWSER_IDS": ["FACEBOOK_CONVERSIONS", own]}
    options = options_from_settings(settings, "the settings")
    assert list(options.browser_ids) == [*FACEBOOK_CONVERSIONS, own]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["FACEBOOK"], "expected BrowserId objects and names out of KOALA, FACEBOOK_CONV"),
        (["GOOGLE_ANALYTICS_4"], "expected BrowserId objects and names out of"),
        ("FACEBOOK_CONVERSIONS", "expected a list or tuple of koala_middleware.BrowserId"),
        ([1], "expected a list or tuple of koala_middleware.BrowserId"),
    ],
)
def test_wrong_browser_ids_of_settings(value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"KOALA_BROWSER_IDS in here: {message}"):
        options_from_settings({"KOALA_BROWSER_IDS": value}, "here")


def identify(**traits: Any) -> None:
    analytics.identify("u1", traits)


@pytest.mark.parametrize("view", [track, identify])
def test_event_with_them_is_explained_too(view: Any, events: Events) -> None:
    options = {"browser_ids": FACEBOOK_CONVERSIONS, "identify": True, "explain": True}
    request("wsgi", Site(view, options), cookie=COOKIES)
    assert events[0]["context"]["koala"]["cause"] == "added"


def test_event_that_is_too_large_with_any_of_them(events: Events) -> None:
    browser_ids = [BrowserId(cookie="long", path="traits.long")]
    site = Site(lambda: identify(text="x" * 32250), {"browser_ids": browser_ids, "identify": True})
    request("wsgi", site, cookie=f"ko_id={ALICE}; long={'x' * 700}")
    assert events[0]["traits"].keys() == {"text", "profile_id"}


def test_event_that_only_an_email_makes_too_large(events: Events) -> None:
    options = {"identify": True, "email": lambda request: "x" * 2000}
    site = Site(lambda: identify(text="x" * 31500, profile_id="own"), options)
    request("wsgi", site, cookie=COOKIES)
    assert events[0]["traits"].keys() == {"text", "profile_id"}


def test_consent_that_cannot_be_added_costs_nothing_else(events: Events) -> None:
    class Broken(dict[str, Any]):
        def __contains__(self, key: object) -> bool:
            raise ValueError

    site = Site(lambda: track({}, Broken(a=1)), {"consent": lambda request: {"C0001": True}})
    request("wsgi", site, cookie=COOKIES)
    assert events[0]["properties"] == {"profile_id": ALICE}
