"""Our hooks in the HTTP clients, whose tests must not meet the headers that they add."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

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


def take_back(module: Any, path: str, host: Callable[[Any], str | None]) -> None:
    """Remove from each request, as it is sent, what was added to it just before."""

    def call(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        request = args[0] if args else instance
        _remove(request.headers, host(request))
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(module, path, call)


def _remove(headers: MutableMapping[str, str], host: str | None) -> None:
    for name, value in outgoing_headers().items():
        found = headers.pop(name, None)
        if found != (value if host in _HOSTS else None):
            visits.report(f"{name} to {host} is {found}")
