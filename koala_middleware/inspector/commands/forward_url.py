"""The host that ``--forward`` names."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import requests

from koala_middleware.inspector.server.listening import arrives

_PORTS = {"http": 80, "https": 443}


def forward_url(text: str, listener: socket.socket) -> str:
    """Return the base URL of a host to forward to.

    Raises ValueError for a text that is not one, and for a host that is ``listener`` itself.
    """
    try:
        parts = urlsplit(text)
        if parts.username is not None:
            raise ValueError("expected a URL without a user: uploads have their own write keys")
        port = parts.port or _PORTS.get(parts.scheme)
        if port is None or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected a URL such as https://api.segment.io, got {text!r}")
        requests.Request("POST", text).prepare()  # an upload must not be the first to find out
    except ValueError as fault:
        raise ValueError(f"--forward: {fault}") from None
    if arrives(listener, parts.hostname, port):
        raise ValueError(f"--forward: {text} is this inspector itself")
    return text.rstrip("/").removesuffix("/v1")
