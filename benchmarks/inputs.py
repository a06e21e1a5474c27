"""The requests of the benchmarks: their cookies, as an environ and as a scope."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.util import FileWrapper

PROFILE_ID = "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba"
_ID = f"ko_id={PROFILE_ID}"


COOKIES: dict[str, str | None] = {
    "none": None,
    "small": f"session=abc; {_ID}; theme=dark",
    "4 KB": "; ".join([*(f"cookie_{number:02}={'x' * 90}" for number in range(39)), _ID]),
}

# The header of a browser's request, but for its cookies.
_HEADERS = {
    "host": "www.example.com",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate, br",
    "connection": "keep-alive",
    "referer": "https://www.example.com/pricing",
    "sec-fetch-dest": "document",
}


def headers(cookies: str | None) -> dict[str, str]:
    return _HEADERS if cookies is None else {**_HEADERS, "cookie": cookies}


def make_environ(cookies: str | None) -> dict[str, Any]:
    """Return an environ as servers make it (PEP 3333)."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/sign-up",
        "QUERY_STRING": "",
        "SERVER_NAME": "www.example.com",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in headers(cookies).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


def make_scope(cookies: str | None) -> dict[str, Any]:
    """Return a scope as servers make it (ASGI 3)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/sign-up",
        "raw_path": b"/sign-up",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (name.encode(), value.encode("latin-1")) for name, value in headers(cookies).items()
        ],
        "client": ("192.0.2.1", 50000),
        "server": ("www.example.com", 443),
        "state": {},
    }
