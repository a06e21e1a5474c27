"""The options of the middleware in the storm: none, or every one of them."""

from __future__ import annotations

import os
from typing import Any

from koala_middleware import Mint
from koala_middleware.filters import respect_dnt, respect_gpc, skip_paths
from koala_middleware.options import OptionKeywords
from koala_middleware.sources import source_of


def email(request: Any) -> str:
    """Return an email that says which request it was asked for."""
    return f"{source_of(request).path.rpartition('/')[2]}@storm.test"


ALL: OptionKeywords = {
    "identify": True,
    "header_name": "X-Koala-Profile-Id",
    "email": email,
    "context": True,
    "mint": Mint(),
    "request_filter": respect_gpc & respect_dnt & skip_paths("/health"),
}
OPTIONS: OptionKeywords = ALL if os.environ.get("STORM_ALL_OPTIONS") else {}
if "STORM_FLUSH_SECONDS" in os.environ:
    OPTIONS["flush_seconds"] = float(os.environ["STORM_FLUSH_SECONDS"])
SETTINGS = {f"KOALA_{name.upper()}": value for name, value in OPTIONS.items()}
