"""The browser ids that Segment's destinations match visitors by, one tuple a destination.

Checked against the default mappings of npm's ``@segment/action-destinations``; see
``tests/vectors/destinations.mjs``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from koala_middleware.browser_ids import BrowserId
from koala_middleware.cookies import parse_profile_id
from koala_middleware.destinations.formats import (
    amplitude_session_id,
    fbc_of_fbclid,
    ga_client_id,
    ga_session_id,
    google_click_id,
    meta_id,
    reddit_uuid,
)


def _click(query: str, path: str, cookie: str | None = None) -> tuple[BrowserId, ...]:
    """Return a click id: the URL's, which is newer than a cookie's, or else the cookie's."""
    in_query = BrowserId(query=query, path=path)
    return (in_query, BrowserId(cookie=cookie, path=path)) if cookie else (in_query,)


KOALA = (
    BrowserId(cookie="ko_id", path="properties.profile_id", parse=parse_profile_id),
    BrowserId(cookie="ko_id", path="traits.profile_id", parse=parse_profile_id),
)

FACEBOOK_CONVERSIONS = (
    BrowserId(cookie="_fbp", path="properties.fbp", parse=meta_id),
    BrowserId(cookie="_fbc", path="properties.fbc", parse=meta_id),
    BrowserId(query="fbclid", path="properties.fbc", parse=fbc_of_fbclid),
)

TIKTOK_CONVERSIONS = (
    BrowserId(cookie="_ttp", path="properties.ttp"),
    *_click("ttclid", "properties.ttclid"),
)

SNAP_CONVERSIONS = (
    BrowserId(cookie="_scid", path="integrations.Snap Conversions Api.uuid_c1"),
    *_click("ScCid", "integrations.Snap Conversions Api.click_id", "analytics_snap_capi_click_id"),
)

REDDIT_CONVERSIONS = (
    BrowserId(
        cookie="_rdt_uuid", path="integrations.Reddit Conversions Api.uuid", parse=reddit_uuid
    ),
    *_click("rdt_cid", "integrations.Reddit Conversions Api.click_id", "rdt_cid_seg"),
)

MICROSOFT_BING_CAPI = _click("msclkid", "properties.msclkid", "analytics_ms_capi_click_id")

NEXTDOOR_CONVERSIONS = _click("ndclid", "integrations.Nextdoor Conversions API.click_id", "ndclid")

ROKT = (
    *_click("rtid", "integrations.Rokt Conversions API.rtid", "analytics_rokt_capi_rtid"),
    *_click("rtid", "traits.rtid", "analytics_rokt_capi_rtid"),
)

AMPLITUDE = (
    BrowserId(
        cookie="analytics_session_id",
        path="integrations.Actions Amplitude.session_id",
        parse=amplitude_session_id,
    ),
)

DUB = (BrowserId(cookie="dub_id", path="integrations.Dub (Actions).dub_id"),)

ALGOLIA_INSIGHTS = _click("queryID", "properties.query_id", "analytics_algolia_query_id")

GOOGLE_ADS = (
    *_click("gclid", "properties.gclid"),
    BrowserId(cookie="_gcl_aw", path="properties.gclid", parse=google_click_id),
    *_click("gbraid", "properties.gbraid"),
    *_click("wbraid", "properties.wbraid"),
    BrowserId(
        cookie="google_session_attributes_encoded",
        path="integrations.Google Ads Conversions.session_attributes_encoded",
    ),
)

CAMPAIGN_MANAGER_360 = (
    *_click("gclid", "integrations.Campaign Manager 360.gclid"),
    *_click("dclid", "integrations.Campaign Manager 360.dclid"),
)

PINTEREST = _click("epik", "properties.epik", "_epik")

LINKEDIN = _click("li_fat_id", "properties.li_fat_id", "li_fat_id")

HUBSPOT = (BrowserId(cookie="hubspotutk", path="properties.hubspotutk"),)


def GOOGLE_ANALYTICS_4(measurement_id: str) -> tuple[BrowserId, ...]:  # noqa: N802 (a preset, too)
    """Return the client id and the session id of a Google Analytics 4 property.

    :param measurement_id: the id of its web stream, such as ``G-ABC123DEF4``.

    Raises TypeError or ValueError if it is not one.
    """
    expected = "GOOGLE_ANALYTICS_4: expected a measurement id such as 'G-ABC123DEF4'"
    if not isinstance(measurement_id, str):
        raise TypeError(f"{expected}, got {measurement_id!r}")
    if not re.fullmatch("G-[A-Z0-9]{4,20}", measurement_id):
        raise ValueError(f"{expected}, got {measurement_id!r}")
    return (
        BrowserId(cookie="_ga", path="properties.ga_client_id", parse=ga_client_id),
        BrowserId(
            cookie=f"_ga_{measurement_id[2:]}",
            path="properties.ga_session_id",
            parse=ga_session_id,
        ),
    )


@dataclass(frozen=True)
class Destination:
    """A destination in Segment's catalog and its preset.

    ``mapped_by_hand`` are the paths it reads only if its mapping in Segment is changed so.
    """

    preset: str
    name: str
    ids: tuple[BrowserId, ...]
    mapped_by_hand: frozenset[str] = frozenset()


def _by_hand(*keys: str) -> frozenset[str]:
    return frozenset(f"properties.{key}" for key in keys)


DESTINATIONS = (
    Destination("KOALA", "Koala (Cloud)", KOALA),
    Destination("FACEBOOK_CONVERSIONS", "Facebook Conversions API (Actions)", FACEBOOK_CONVERSIONS),
    Destination("TIKTOK_CONVERSIONS", "Tiktok Conversions", TIKTOK_CONVERSIONS),
    Destination("SNAP_CONVERSIONS", "Snap Conversions Api", SNAP_CONVERSIONS),
    Destination("REDDIT_CONVERSIONS", "Reddit Conversions API", REDDIT_CONVERSIONS),
    Destination("MICROSOFT_BING_CAPI", "Microsoft Bing CAPI (Actions)", MICROSOFT_BING_CAPI),
    Destination("NEXTDOOR_CONVERSIONS", "Nextdoor Conversions API", NEXTDOOR_CONVERSIONS),
    Destination("ROKT", "Rokt Conversions API", ROKT),
    Destination("AMPLITUDE", "Actions Amplitude", AMPLITUDE),
    Destination("DUB", "Dub (Actions)", DUB),
    Destination("ALGOLIA_INSIGHTS", "Algolia Insights (Actions)", ALGOLIA_INSIGHTS),
    Destination(
        "GOOGLE_ADS", "Google Ads Conversions", GOOGLE_ADS, _by_hand("gclid", "gbraid", "wbraid")
    ),
    Destination("CAMPAIGN_MANAGER_360", "Google Campaign Manager 360", CAMPAIGN_MANAGER_360),
    Destination(
        "GOOGLE_ANALYTICS_4",
        "Google Analytics 4 Cloud",
        GOOGLE_ANALYTICS_4("G-XXXXXXXXXX"),  # as Google writes an id that stands for any
        _by_hand("ga_client_id", "ga_session_id"),
    ),
    Destination("PINTEREST", "Pinterest Conversions API", PINTEREST, _by_hand("epik")),
    Destination("LINKEDIN", "LinkedIn Conversions API", LINKEDIN, _by_hand("li_fat_id")),
    Destination("HUBSPOT", "HubSpot Cloud Mode (Actions)", HUBSPOT, _by_hand("hubspotutk")),
)

PRESETS = {
    destination.preset: destination.ids
    for destination in DESTINATIONS
    if destination.preset != "GOOGLE_ANALYTICS_4"  # which needs a measurement id
}
"""The presets that a framework's settings may name."""
