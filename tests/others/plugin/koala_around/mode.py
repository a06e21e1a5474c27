"""How our middleware is put into the suite that runs."""

from __future__ import annotations

import os
from typing import Any

from koala_middleware import Mint
from koala_middleware.filters import respect_dnt, respect_gpc, skip_paths
from koala_middleware.sources import source_of

MODE = os.environ.get("KOALA_AROUND", "bare")


def email(request: Any) -> str:
    """Return an email, after a look at the request."""
    return f"{len(source_of(request).path)}@others.test"


def always(request: Any) -> bool:
    """Mint for each visitor, of a page navigation or not."""
    return True


ALL_OPTIONS: dict[str, Any] = {
    "identify": True,
    "header_name": "X-Koala-Profile-Id",
    "email": email,
    "context": True,
    "mint": Mint(),
    "request_filter": respect_gpc & respect_dnt & skip_paths("/no-visitors-here"),
}

AROUND = MODE in ("around", "cookie", "options", "mint")
INSIDE = MODE in ("inside", "cookie", "options", "mint")
LENDS = MODE in ("cookie", "options")
"""Whether our middleware sees a cookie on requests that bring none."""

PLUGINS = "KOALA_AROUND_PLUGINS" in os.environ
"""Whether the suite is one of a project that we have a plugin for, and no WSGI or ASGI."""
AS_VISITORS = PLUGINS and LENDS

OPTIONS: dict[str, Any] = {
    "options": ALL_OPTIONS,
    "mint": {"mint": Mint(when=always, shared_caches=True)},
}.get(MODE, {})
