"""Our hooks in the HTTP clients, whose tests must not meet the headers that they add."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import wrapt

from koala_middleware import outgoing_headers

from . import visits

_HOSTS = ["127.0.0.1", "localhost", "example.com", ".example.com", "example.org", ".example.org"]


def hook_httpx(client: Any) -> None:
    from koala_middleware.contrib.httpx import KoalaHook

    client.event_hooks["request"].append(KoalaHook(_HOSTS))


def hook_httpx_async(client: Any) -> None:
    from koala_middleware.contrib.httpx import AsyncKoalaHook

    client.event_hooks["request"].append(AsyncKoalaHook(_HOSTS))


def mount_on_requests(session: Any) -> None:
    from koala_middleware.contrib.requests import KoalaAdapter

    for prefix in ("https://", "http://"):
        session.mount(prefix, KoalaAdapter(_HOSTS))


def hook_aiohttp(session: Any) -> None:
    from koala_middleware.contrib.aiohttp import KoalaClientMiddleware

    session._middlewares = (*session._middlewares, KoalaClientMiddleware(_HOSTS))


def take_back(module: Any, path: str, of_client: bool) -> None:
    """Remove from each request, as it is sent, what was added to it just before.

    :param of_client: whether the method that sends is the client's, or else the request's.
    """

    def call(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        request = args[0] if of_client else instance
        _remove(request.headers, urlsplit(str(request.url)).hostname or "")
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(module, path, call)


def _remove(headers: MutableMapping[str, str], host: str) -> None:
    wanted = f".{host}".endswith((".localhost", ".127.0.0.1", ".example.com", ".example.org"))
    for name, value in outgoing_headers().items():
        found = headers.pop(name, None)
        # A test may send with hooks of its own in place of the client's.
        if found is not None and (found != value or not wanted):
            visits.report(f"{name} to {host} is {found}")
