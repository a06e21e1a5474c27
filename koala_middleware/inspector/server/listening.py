"""Open the port that a server is to listen on, before there is a server."""

from __future__ import annotations

import socket
from ipaddress import ip_address

DEFAULT_PORT = 8765


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``host``, a name or an address; port 0 is a free one.

    Raises OSError where the host does not exist or the port is in use, and UnicodeError where
    no host can have that name.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.create_server(address, family=family)
    # Its connections inherit this. asyncio sets it only where the socket's proto is not 0, and
    # without it each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def is_loopback(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach it."""
    return ip_address(listener.getsockname()[0]).is_loopback


def url_of(listener: socket.socket) -> str:
    """Return the URL by which this machine reaches it."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host)
    if address.version == 6:
        return f"http://[{'::1' if address.is_unspecified else host}]:{port}"
    return f"http://{'127.0.0.1' if address.is_unspecified else host}:{port}"
