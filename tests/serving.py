"""The server's part: environs, scopes and lifespans."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from asgiref.testing import ApplicationCommunicator
from werkzeug.test import EnvironBuilder

Headers = list[tuple[str, str]]


def environ_of(url: str = "http://site.test/page", **headers: str) -> dict[str, Any]:
    """Return the environ of a request for ``url``."""
    return builder_of(url, headers).get_environ()


def builder_of(url: str, headers: dict[str, str]) -> EnvironBuilder:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    named: Any = {name.replace("_", "-"): value for name, value in headers.items()}
    return EnvironBuilder(
        path=slash + path,
        base_url=f"{scheme}://{host}/",
        headers=named,
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )


def scope_of(environ: dict[str, Any], cookies: Iterable[str] = ()) -> dict[str, Any]:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(),
        "raw_path": environ["PATH_INFO"].encode("latin-1"),
        "root_path": "",
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": headers + [(b"cookie", cookie.encode()) for cookie in cookies],
        "client": (environ["REMOTE_ADDR"], 4711),
        "server": ("site.test", 80),
    }


async def asgi_request(app: Any, scope: dict[str, Any]) -> Headers:
    communicator: Any = cast(Any, ApplicationCommunicator)(app, scope)
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output()
    await communicator.receive_output()
    await communicator.wait()
    return [(name.decode(), value.decode()) for name, value in start["headers"]]


def start_and_stop(app: Any) -> dict[str, Any]:
    """Play the server's part in an application's lifespan, and return the scope."""
    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> dict[str, str]:
        return next(messages)

    async def send(message: dict[str, str]) -> None:
        assert message["type"].endswith(".complete")

    asyncio.run(app(scope, receive, send))
    return scope
