"""The visitor's header, for the services that a list names and for no others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from koala_middleware import baggage
from koala_middleware.validation import Check, text
from koala_middleware.visitor import outgoing_headers

_NOT_IN_A_NAME = frozenset("/@*, \t")
_HOST = text(
    "a host's name, without scheme, port and path",
    lambda host: host.strip(".") != "" and host.count(":") != 1 and not _NOT_IN_A_NAME & set(host),
)
_HOSTS = Check(
    "a list of host names, such as orders.internal",
    lambda value: isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping),
    lambda value: len(value) > 0,
)


class OutgoingHeaders:
    """The headers that carry the current visitor to the services on a list.

    :param hosts: the names of their hosts, on any port; ``.example.com`` is that host and all of
        its subdomains.

    Raises TypeError or ValueError for hosts that are not valid.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        _HOSTS(hosts, "hosts")
        for host in hosts:
            _HOST(host, "hosts")
        names = [host.lower().rstrip(".").strip("[]") for host in hosts]
        self._hosts = frozenset(name.lstrip(".") for name in names)
        self._parents = tuple(name for name in names if name.startswith("."))

    def headers(
        self, host: str | None, given: Callable[[str], str | bytes | None]
    ) -> dict[str, str]:
        """Return what to set on a request to a host.

        :param given: returns what a header is already, or None. That stays.
        """
        name = (host or "").lower().rstrip(".").strip("[]")
        if name not in self._hosts and not name.endswith(self._parents):
            return {}
        added: dict[str, str] = {}
        for header, value in outgoing_headers().items():
            theirs = given(header)
            if theirs is None:
                added[header] = value
            elif isinstance(theirs, str) and baggage.is_baggage(header):
                added[header] = baggage.joined(theirs, value)
        return added
