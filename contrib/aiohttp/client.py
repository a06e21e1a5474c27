"""The middleware for aiohttp's client."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from koala_middleware.outgoing import OutgoingHeaders


class KoalaClientMiddleware:
    """Client middleware that sends the current visitor along, to the hosts on a list.

    ``ClientSession(middlewares=[KoalaClientMiddleware(["orders.internal"])])``. A request to any
    other host, a redirect included, goes out without the visitor.

    :param hosts: host names; ``.example.com`` is that host and all of its subdomains.

    Raises TypeError or ValueError for hosts that are not valid.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        self._outgoing = OutgoingHeaders(hosts)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        def given(name: str) -> str | None:
            return ",".join(request.headers.getall(name, ())) if name in request.headers else None

        # Each redirect is a request of its own, which does not see these headers.
        request.headers.update(self._outgoing.headers(request.url.host, given))
        return await handler(request)
