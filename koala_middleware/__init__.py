"""Give every Segment event the Koala profile id of the visitor whose request caused it."""

from koala_middleware import collector as collector  # its hook
from koala_middleware.browser_ids import BrowserId
from koala_middleware.carrier import extract, inject
from koala_middleware.causes import Cause
from koala_middleware.cookies import parse_profile_id
from koala_middleware.explanation import Explanation, explain
from koala_middleware.mint import Mint
from koala_middleware.options import Options
from koala_middleware.scopes import carry, profile
from koala_middleware.segment import ClientStats, delivering, instrument, stats, uninstrument
from koala_middleware.visitor import (
    Visitor,
    bind,
    current_visitor,
    get_browser_ids,
    get_profile_id,
    outgoing_headers,
)

__all__ = [
    "BrowserId",
    "Cause",
    "ClientStats",
    "Explanation",
    "Mint",
    "Options",
    "Visitor",
    "bind",
    "carry",
    "current_visitor",
    "delivering",
    "explain",
    "extract",
    "get_browser_ids",
    "get_profile_id",
    "inject",
    "instrument",
    "outgoing_headers",
    "parse_profile_id",
    "profile",
    "stats",
    "uninstrument",
]
