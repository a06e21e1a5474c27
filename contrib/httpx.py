"""Koala's visitor for the services that HTTPX calls."""

from __future__ import annotations

from collections.abc import Collection

from koala_middleware.contrib._extras import needing
from koala_middleware.outgoing import OutgoingHeaders

with needing("httpx"):
    from httpx import Request


class _Hook:
    """What both kinds of hooks do with a request."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._outgoing = OutgoingHeaders(hosts)
        self._headers_before = f"koala_middleware.headers_before.{id(self)}"

    def _add_headers(self, request: Request) -> None:
        # A redirect comes with the headers and the extensions of the request that it follows.
        before = request.extensions.get(self._headers_before, {})
        for name, value in before.items():
            request.headers.pop(name, None)
            if value is not None:
                request.headers[name] = value
        added = self._outgoing.headers(request.url.host, request.headers.get)
        if before or added:
            replaced = {name: request.headers.get(name) for name in added}
            # Not in place: before HTTPX 0.28 the mapping is the caller's own.
            request.extensions = {**request.extensions, self._headers_before: replaced}
            request.headers.update(added)


class KoalaHook(_Hook):
    """An event hook that sends the current visitor along, to the hosts on a list.

    ``Client(event_hooks={"request": [KoalaHook(["orders.internal"])]})``. A request to any other
    host, a redirect included, goes out without the visitor.

    :param hosts: host names; ``.example.com`` is that host and all of its subdomains.

    Raises TypeError or ValueError for hosts that are not valid.
    """

    def __call__(self, request: Request) -> None:
        self._add_headers(request)


class AsyncKoalaHook(_Hook):
    """The same for an ``AsyncClient``."""

    async def __call__(self, request: Request) -> None:
        self._add_headers(request)
