"""The headers that carry the visitor to other services, to those on a list and to no others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from koala_middleware import baggage, current, header_ids
from koala_middleware.cookies import LONGEST_VALUE
from koala_middleware.validation import Check, text

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


def outgoing_headers() -> dict[str, str]:
    """Return the headers that carry the visitor to the next service, or none.

    The profile id's name is the option ``header_name``, or ``X-Koala-Profile-Id``. With ``baggage``
    it is W3C's, with the one member ``koala.profile_id``. With the option ``browser_ids`` those ids
    are in ``X-Koala-Browser-Ids``, as many as there is room for. A profile id that a header cannot
    hold, as a ``parse`` of your own may let through, is left out.
    """
    visitor = current.variable.get()
    if visitor is None:
        return {}
    headers, profile_id = {}, visitor.profile_id
    if profile_id is not None and profile_id.isprintable():
        name = visitor.options.header_name or "X-Koala-Profile-Id"
        value = baggage.member(profile_id) if baggage.is_baggage(name) else profile_id
        if value.isascii() and value == value.strip() and len(value) <= LONGEST_VALUE:
            headers[name] = value
    browser_ids = {} if visitor.details is None else visitor.details.browser_ids()
    if browser_ids:
        headers[header_ids.HEADER] = header_ids.to_header(browser_ids)
    return headers


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
