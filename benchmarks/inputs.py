"""The requests of the benchmarks: their cookies, as an environ and as a scope."""

from __future__ import annotations

from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import koala_middleware as koala
from koala_middleware import destinations
from tests.serving import scope_of

PROFILE_ID = "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba"
_ID = f"ko_id={PROFILE_ID}"

COOKIES: dict[str, str | None] = {
    "none": None,
    "small": f"session=abc; {_ID}; theme=dark",
    "4 KB": "; ".join([*(f"cookie_{number:02}={'x' * 90}" for number in range(39)), _ID]),
}

ALL_OPTIONS = koala.Options(
    identify=True,
    header_name="X-Koala-Profile-Id",
    email=lambda request: "ada@example.com",
    context=True,
    mint=koala.Mint(),
)


TEN_IDS = koala.Options(
    browser_ids=[
        *destinations.FACEBOOK_CONVERSIONS[:2],
        destinations.TIKTOK_CONVERSIONS[0],
        destinations.SNAP_CONVERSIONS[0],
        destinations.REDDIT_CONVERSIONS[0],
        *destinations.AMPLITUDE,
        *destinations.DUB,
        *destinations.HUBSPOT,
        # Of click ids, the cookie comes second.
        destinations.PINTEREST[1],
        destinations.LINKEDIN[1],
    ]
)
TEN_IDS_SENT = (
    f"{COOKIES['small']}; _fbp=fb.1.1596403881668.1116446470; _fbc=fb.1.1596403881668.IwAR2F4; "
    f"_ttp=2abcDEFghi; _scid={PROFILE_ID}; _rdt_uuid=1596403881668.{PROFILE_ID}; "
    "analytics_session_id=1596403881668; dub_id=dub; hubspotutk=hubspot; _epik=epik; "
    "li_fat_id=linkedin"
)


def make_environ(cookies: str | None) -> dict[str, Any]:
    """Return an environ as servers make it (PEP 3333), with the headers of a browser."""
    environ = {
        "PATH_INFO": "/sign-up",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "www.example.com",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_CONNECTION": "keep-alive",
        "HTTP_REFERER": "https://www.example.com/pricing",
        "HTTP_SEC_FETCH_DEST": "document",
        "wsgi.url_scheme": "https",
        "wsgi.file_wrapper": FileWrapper,
    }
    setup_testing_defaults(environ)
    return environ if cookies is None else {**environ, "HTTP_COOKIE": cookies}


def make_scope(cookies: str | None) -> dict[str, Any]:
    """Return a scope as servers make it (ASGI 3), for the same request."""
    return scope_of(make_environ(cookies))
