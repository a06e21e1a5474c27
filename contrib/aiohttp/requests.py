"""Read what the options need from an aiohttp request."""

from __future__ import annotations

from aiohttp import web


class AiohttpSource:
    """Read an aiohttp request."""

    __slots__ = ("_request",)

    def __init__(self, request: web.Request) -> None:
        self._request = request

    def header(self, name: str) -> str | None:
        return ", ".join(self._request.headers.getall(name, ())) or None

    @property
    def cookies(self) -> str | None:
        return "; ".join(self._request.headers.getall("Cookie", ())) or None

    @property
    def scheme(self) -> str:
        return self._request.scheme

    @property
    def method(self) -> str:
        return self._request.method

    @property
    def path(self) -> str:
        return self._request.path

    @property
    def query(self) -> str:
        return self._request.rel_url.raw_query_string

    @property
    def peer(self) -> str | None:
        return self._request.remote
