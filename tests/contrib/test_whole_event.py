"""One page view with all cookies set, through each adapter: the whole event."""

from __future__ import annotations

from typing import Any

import pytest
import segment.analytics as analytics

from koala_middleware import destinations
from koala_middleware.consent import onetrust
from tests.adapters import SERVED, Site, request

UUID = "8f2f3a60-5b1e-4d0a-9f2e-0a1b2c3d4e5f"
COOKIES = {
    "ko_id": UUID,
    "ajs_anonymous_id": "a7",
    "ajs_group_id": "acme",
    "OptanonConsent": "groups=C0001:1%2CC0004:1",
    "_fbp": "fb.1.1596403881668.1116446470",
    "_fbc": "fb.1.1596403881668.IwAR2F4",
    "_ttp": "ttp",
    "_scid": UUID,
    "_rdt_uuid": f"1596403881668.{UUID}",
    "rdt_cid_seg": "reddit",
    "analytics_ms_capi_click_id": "microsoft",
    "ndclid": "nextdoor",
    "analytics_rokt_capi_rtid": "rokt",
    "analytics_session_id": "1596403881668",
    "dub_id": "dub",
    "analytics_algolia_query_id": "algolia",
    "_gcl_aw": "GCL.1596403881.gclid",
    "google_session_attributes_encoded": "attributes",
    "_ga": "GA1.1.1234.5678",
    "_ga_ABC123DEF4": "GS2.1.s1596403881$o1$g0",
    "_epik": "epik",
    "li_fat_id": "linkedin",
    "hubspotutk": "hubspot",
}
OPTIONS: dict[str, Any] = {
    "browser_ids": [
        wanted
        for preset in (
            *destinations.PRESETS.values(),
            destinations.GOOGLE_ANALYTICS_4("G-ABC123DEF4"),
        )
        for wanted in preset
    ],
    "calls": ["page"],
    "consent": onetrust(),
    "context": True,
    "user_id": lambda request: "u7",
}
QUERY = "utm_source=news&utm_campaign=x&dclid=dclid&ttclid=ttclid&ScCid=snap"
EVENT = {
    "type": "page",
    "category": None,
    "name": "Home",
    "userId": "u7",
    "anonymousId": None,
    "properties": {},
    "integrations": {
        "Snap Conversions Api": {"uuid_c1": UUID, "click_id": "snap"},
        "Reddit Conversions Api": {"uuid": f"1596403881668.{UUID}", "click_id": "reddit"},
        "Nextdoor Conversions API": {"click_id": "nextdoor"},
        "Rokt Conversions API": {"rtid": "rokt"},
        "Actions Amplitude": {"session_id": "1596403881668"},
        "Dub (Actions)": {"dub_id": "dub"},
        "Google Ads Conversions": {"session_attributes_encoded": "attributes"},
        "Campaign Manager 360": {"dclid": "dclid"},
    },
    "context": {
        "ip": "192.0.2.7",
        "userAgent": "Mozilla/5.0",
        "userAgentData": {"mobile": False},
        "locale": "en-GB",
        "groupId": "acme",
        "campaign": {"source": "news", "name": "x"},
        "page": {
            "path": "/",
            "search": f"?{QUERY}",
            "url": f"http://site.test/?{QUERY}",
            "referrer": "http://search.test/",
        },
        "consent": {"categoryPreferences": {"C0001": True, "C0004": True}},
    },
}
PROPERTIES = {
    "profile_id": UUID,
    "fbp": "fb.1.1596403881668.1116446470",
    "fbc": "fb.1.1596403881668.IwAR2F4",
    "ttp": "ttp",
    "ttclid": "ttclid",
    "msclkid": "microsoft",
    "query_id": "algolia",
    "gclid": "gclid",
    "ga_client_id": "1234.5678",
    "ga_session_id": "1596403881",
    "epik": "epik",
    "li_fat_id": "linkedin",
    "hubspotutk": "hubspot",
}


def sent(adapter: str, view: Any, options: dict[str, Any], events: list[dict[str, Any]]) -> Any:
    request(
        adapter,
        Site(view, options),
        f"http://site.test/?{QUERY}",
        cookie="; ".join(f"{name}={value}" for name, value in COOKIES.items()),
        user_agent="Mozilla/5.0",
        accept_language="en-GB,en;q=0.9",
        referer="http://search.test/",
        sec_ch_ua_mobile="?0",
        sec_fetch_dest="document",
    )
    (event,) = events
    del event["context"]["library"], event["timestamp"], event["messageId"]
    return event


@pytest.mark.parametrize("adapter", SERVED)
def test_page_view_has_all_that_the_browser_knows(adapter: str, events: Any) -> None:
    """But for ids in properties, which here describe the page."""
    assert sent(adapter, lambda: analytics.page(name="Home"), OPTIONS, events) == EVENT


@pytest.mark.parametrize("adapter", SERVED)
def test_track_has_the_ids_in_properties_too(adapter: str, events: Any) -> None:
    def view() -> None:
        analytics.track(event="Page Viewed")

    event = sent(adapter, view, {**OPTIONS, "calls": ["track"]}, events)
    own = {"type": "track", "event": "Page Viewed", "properties": PROPERTIES}
    assert event == {
        **{name: EVENT[name] for name in EVENT if name not in ("category", "name")},
        **own,
    }
