"""Koala's visitor for the services that Requests calls."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from koala_middleware.contrib._extras import needing
from koala_middleware.outgoing import OutgoingHeaders

with needing("requests"):
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter


class KoalaAdapter(HTTPAdapter):
    """A transport adapter that sends the current visitor along, to the hosts on a list.

    Mount it on a session: ``session.mount("https://", KoalaAdapter(["orders.internal"]))``. A
    request to any other host, a redirect included, goes out without the visitor.

    :param hosts: host names; ``.example.com`` is that host and all of its subdomains.
    :param options: those of ``requests.adapters.HTTPAdapter``.

    Raises TypeError or ValueError for hosts that are not valid.
    """

    __attrs__: list[str] = [*HTTPAdapter.__attrs__, "_outgoing"]  # noqa: RUF012 (theirs is so, too)

    def __init__(self, hosts: Collection[str], **options: Any) -> None:
        self._outgoing = OutgoingHeaders(hosts)
        super().__init__(**options)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        url: Any = request.url
        added = self._outgoing.headers(urlsplit(url).hostname, request.headers.get)
        if not added:
            return super().send(request, *args, **kwargs)
        sent = request.copy()
        sent.headers.update(added)
        response = super().send(sent, *args, **kwargs)
        # What redirects copy, and what a caller may send again, to whatever host.
        response.request = request
        return response
