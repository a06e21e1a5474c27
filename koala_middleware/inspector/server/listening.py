"""Open the port that a server is to listen on, before there is a server."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

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
    """Return whether only this machine can reach it."""
    return ip_address(listener.getsockname()[0]).is_loopback


def url_of(listener: socket.socket) -> str:
    """Return the URL by which this machine reaches it."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host)
    if address.version == 6:
        return f"http://[{'::1' if address.is_unspecified else host}]:{port}"
    return f"http://{'127.0.0.1' if address.is_unspecified else host}:{port}"


def arrives(listener: socket.socket, host: str, port: int) -> bool:
    """Return whether a connection to ``host`` and ``port`` arrives at a listener."""
    bound_host, bound_port = listener.getsockname()[:2]
    if port != bound_port:
        return False
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # this host may have no name yet
        return False
    bound = ip_address(bound_host)
    addresses = {ip_address(address[4][0]) for address in found}
    return any(each == bound or _is_served(each, bound) for each in addresses)


def _is_served(address: IPv4Address | IPv6Address, bound: IPv4Address | IPv6Address) -> bool:
    if address.is_unspecified:  # the system connects to itself
        return address.version == bound.version and (bound.is_unspecified or bound.is_loopback)
    if not bound.is_unspecified or address.version != bound.version:
        return False
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))  # fails for another machine's address
        except OSError:
            return False
    return True
