"""Parsers for the cookies of analytics and advertising pixels: each takes a decoded value."""

from __future__ import annotations

import re
import time

_GA = re.compile(r"GA1\.[0-9]{1,3}(?:-[0-9]{1,3})?\.([0-9]{1,20}\.[0-9]{1,20})")
_GA_SESSION_IN_DOTS = re.compile(r"GS1\.[0-9]{1,3}\.([0-9]{1,20})\..{0,256}")
_GA_SESSION_IN_DOLLARS = re.compile(r"GS2\.[0-9]{1,3}\.(.{1,512})")
_GCL = re.compile(r"GCL\.[0-9]{1,20}\.([0-9A-Za-z_.-]{1,512})")
_META = re.compile(r"fb\.[0-9]\.[0-9]{1,20}\.[0-9A-Za-z_.~-]{1,1024}")
_FBCLID = re.compile(r"[0-9A-Za-z_.~-]{1,1024}")
_REDDIT = re.compile(r"[0-9]{1,20}\.[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EPOCH_MS = re.compile(r"[0-9]{13}")
_SECONDS = re.compile(r"[0-9]{1,20}")


def ga_client_id(value: str) -> str | None:
    """Return the client id in ``_ga``: of ``GA1.1.1234.5678`` that is ``1234.5678``."""
    match = _GA.fullmatch(value)
    return match and match[1]


def ga_session_id(value: str) -> str | None:
    """Return the session id in ``_ga_<ID>``, in either of its forms.

    ``GS1.1.<session id>.<…>`` is the form until May 2025. ``GS2.1.s<session id>$o1$…`` has its
    fields in any order, each behind a letter.
    """
    match = _GA_SESSION_IN_DOTS.fullmatch(value)
    if match:
        return match[1]
    match = _GA_SESSION_IN_DOLLARS.fullmatch(value)
    for field in match[1].split("$") if match else ():
        if field[0:1] == "s" and _SECONDS.fullmatch(field, 1):
            return field[1:]
    return None


def google_click_id(value: str) -> str | None:
    """Return the click id in ``_gcl_aw``: of ``GCL.<seconds>.<gclid>`` that is the last part."""
    match = _GCL.fullmatch(value)
    return match and match[1]


def meta_id(value: str) -> str | None:
    """Return ``_fbp`` or ``_fbc`` as it is, ``fb.<domain index>.<ms>.<id>``."""
    return value if _META.fullmatch(value) else None


def fbc_of_fbclid(value: str) -> str | None:
    """Return what Meta's pixel would write to ``_fbc`` now for a ``fbclid``.

    https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc
    """
    return f"fb.1.{time.time_ns() // 10**6}.{value}" if _FBCLID.fullmatch(value) else None


def reddit_uuid(value: str) -> str | None:
    """Return ``_rdt_uuid`` as it is, ``<ms>.<uuid>``, which is how the destination takes it."""
    return value if _REDDIT.fullmatch(value) else None


def amplitude_session_id(value: str) -> str | None:
    """Return ``analytics_session_id``, the session's start in milliseconds since 1970."""
    return value if _EPOCH_MS.fullmatch(value) else None
