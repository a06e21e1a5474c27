"""Requests to a server on loopback."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    url: str, method: str, path: str, body: bytes | None = None, **headers: str | None
) -> Answer:
    """Send a request; a header that is None is left out, its underscores are hyphens."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.putrequest(method, path, skip_host="Host" in headers)
        if body is not None:
            headers["Content_Length"] = str(len(body))
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read().decode(),
        )
