"""Give every Segment event the Koala profile id of the visitor whose request caused it."""

from typing import TYPE_CHECKING

from koala_middleware import collector as collector  # its hook
from koala_middleware.browser_ids import BrowserId
from koala_middleware.carrier import extract, inject
from koala_middleware.causes import Cause
from koala_middleware.cookies import parse_profile_id
from koala_middleware.explanation import Explanation, explain
from koala_middleware.mint import Mint
from koala_middleware.options import Options
from koala_middleware.outgoing import outgoing_headers
from koala_middleware.scopes import carry, profile
from koala_middleware.segment import ClientStats, delivering, instrument, stats, uninstrument
from koala_middleware.visitor import (
    Visitor,
    bind,
    current_visitor,
    get_browser_ids,
    get_profile_id,
)

if TYPE_CHECKING:
    from koala_middleware.executor import Executor
else:

    def __getattr__(name: str) -> object:
        """Import what few applications need, and what imports a lot itself, when it is used."""
        if name == "Executor":
            from koala_middleware.executor import Executor

            return Executor
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BrowserId",
    "Cause",
    "ClientStats",
    "Executor",
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
