"""Koala's visitor for the services that HTTPX calls."""

from __future__ import annotations

from collections.abc import Collection

from koala_middleware.contrib._extras import needing
from koala_middleware.outgoing import OutgoingHeaders

with needing("httpx"):
    from httpx import Request

_BEFORE = "koala_middleware.headers_before"


class KoalaHook:
    """An event hook that sends the current visitor along, to the hosts on a list.

    ``Client(event_hooks={"request": [KoalaHook(["orders.internal"])]})``. A request to any other
    host, a redirect included, goes out without the visitor.

    :param hosts: host names; ``.example.com`` is that host and all of its subdomains.

    Raises TypeError or ValueError for hosts that are not valid.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        self._outgoing = OutgoingHeaders(hosts)

    def __call__(self, request: Request) -> None:
        # A redirect comes with the headers and the extensions of the request that it follows.
        for name, value in request.extensions.pop(_BEFORE, {}).items():
            del request.headers[name]
            if value is not None:
                request.headers[name] = value
        added = self._outgoing.headers(request.url.host, request.headers)
        if added:
            request.extensions[_BEFORE] = {name: request.headers.get(name) for name in added}
            request.headers.update(added)


class AsyncKoalaHook(KoalaHook):
    """The same for an ``AsyncClient``."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        super().__call__(request)
