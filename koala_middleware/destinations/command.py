"""List the presets: what each reads, who sets it, and where it goes in an event."""

from __future__ import annotations

from argparse import Namespace

from koala_middleware.browser_ids import BrowserId
from koala_middleware.destinations import DESTINATIONS, Destination

_HEADINGS = ("reads", "set by", "goes to", "read there")
_SET_BY = {
    "ko_id": "Koala's pixel",
    "_fbp": "Meta's pixel",
    "_fbc": "Meta's pixel",
    "?fbclid": "Meta's ads",
    "_ttp": "TikTok's pixel",
    "?ttclid": "TikTok's ads",
    "_scid": "Snap's pixel",
    "?ScCid": "Snap's ads",
    "analytics_snap_capi_click_id": "Segment's Snap plugin",
    "_rdt_uuid": "Reddit's pixel",
    "?rdt_cid": "Reddit's ads",
    "rdt_cid_seg": "Segment's Reddit plugin",
    "?msclkid": "Microsoft's ads",
    "analytics_ms_capi_click_id": "Segment's Microsoft plugin",
    "?ndclid": "Nextdoor's ads",
    "ndclid": "Segment's Nextdoor plugin",
    "?rtid": "Rokt's links",
    "analytics_rokt_capi_rtid": "Segment's Rokt plugin",
    "analytics_session_id": "Segment's Amplitude plugin",
    "dub_id": "Dub's script",
    "?queryID": "your search page",
    "analytics_algolia_query_id": "Segment's Algolia plugin",
    "?gclid": "Google's ads",
    "?gbraid": "Google's ads",
    "?wbraid": "Google's ads",
    "?dclid": "Google's ads",
    "_gcl_aw": "Google's tag",
    "google_session_attributes_encoded": "Segment's Google Ads plugin",
    "_ga": "Google's tag",
    "_ga_XXXXXXXXXX": "Google's tag",
    "_epik": "Pinterest's tag",
    "?epik": "Pinterest's ads",
    "li_fat_id": "LinkedIn's tag",
    "?li_fat_id": "LinkedIn's ads",
    "hubspotutk": "HubSpot's script",
}


def run(arguments: Namespace) -> int:
    """Print the presets and return 0."""
    tables = [(destination, _rows(destination)) for destination in DESTINATIONS]
    rows = [_HEADINGS, *(row for _, table in tables for row in table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(_line(_HEADINGS, widths))
    for destination, table in tables:
        print(f"\n{destination.preset} ({destination.name})")
        for row in table:
            print(_line(row, widths))
    return 0


def _rows(destination: Destination) -> list[tuple[str, str, str, str]]:
    return [
        (source, _SET_BY[source], wanted.path, _read_there(destination, wanted))
        for wanted in destination.ids
        for source in (wanted.cookie, wanted.query and f"?{wanted.query}")
        if source
    ]


def _read_there(destination: Destination, wanted: BrowserId) -> str:
    return "if you map it" if wanted.path in destination.mapped_by_hand else "by default"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
