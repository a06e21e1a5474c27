"""Read what the options need from a request, whatever its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Protocol

from koala_middleware.cookies import cookie_header


class Source(Protocol):
    """What a request says of itself."""

    def header(self, name: str) -> str | None: ...
    @property
    def cookies(self) -> str | None: ...
    @property
    def scheme(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def peer(self) -> str | None: ...


class EnvironSource:
    """Read a WSGI environ (PEP 3333), or the request that a framework has made of one."""

    __slots__ = ("_environ", "_request")

    def __init__(self, environ: Mapping[str, Any], request: object = None) -> None:
        self._environ = environ
        self._request = request

    def header(self, name: str) -> str | None:
        return self._environ.get("HTTP_" + name.upper().replace("-", "_"))

    @property
    def cookies(self) -> str | None:
        return self._environ.get("HTTP_COOKIE")

    @property
    def scheme(self) -> str:
        # A framework may know of a proxy in front: see Django's SECURE_PROXY_SSL_HEADER.
        scheme: str = getattr(self._request, "scheme", None) or self._environ.get(
            "wsgi.url_scheme", "http"
        )
        return scheme

    @property
    def method(self) -> str:
        method: str = self._environ.get("REQUEST_METHOD", "GET")
        return method

    @property
    def path(self) -> str:
        path: str = self._environ.get("SCRIPT_NAME", "") + self._environ.get("PATH_INFO", "")
        try:
            return path.encode("latin-1").decode()
        except UnicodeError:  # Django has decoded it
            return path

    @property
    def query(self) -> str:
        query: str = self._environ.get("QUERY_STRING", "")
        return query

    @property
    def peer(self) -> str | None:
        return self._environ.get("REMOTE_ADDR")


class ScopeSource:
    """Read an ASGI scope, or the request that a framework has made of one."""

    __slots__ = ("_request", "_scope")

    def __init__(self, scope: Mapping[str, Any], request: object = None) -> None:
        self._scope = scope
        self._request = request

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode("latin-1")
        values: list[bytes] = [
            value for key, value in self._scope.get("headers", ()) if key == wanted
        ]
        return b", ".join(values).decode("latin-1") if values else None

    @property
    def cookies(self) -> str | None:
        return cookie_header(self._scope.get("headers", ()))

    @property
    def scheme(self) -> str:
        scheme: str = getattr(self._request, "scheme", None) or self._scope.get("scheme", "http")
        return scheme

    @property
    def method(self) -> str:
        method: str = self._scope.get("method", "GET")  # a websocket has none
        return method

    @property
    def path(self) -> str:
        path: str = self._scope.get("path", "")
        return path

    @property
    def query(self) -> str:
        query: bytes | str = self._scope.get("query_string", b"")
        return query if isinstance(query, str) else query.decode("latin-1")

    @property
    def peer(self) -> str | None:
        client = self._scope.get("client")  # an iterator is left to the application
        return client[0] if client and isinstance(client, (list, tuple)) else None


_SCOPES = ("http", "websocket")


def _of_dict(raw: dict[str, Any]) -> Source:
    return ScopeSource(raw, raw) if _is_scope(raw) else EnvironSource(raw, raw)


readers: dict[type, Callable[[Any], Source]] = {dict: _of_dict}
"""What reads requests, by their type; a plugin adds its own."""


def snapshot(request: Any) -> Any:
    """Return a request that stays what it is when its environ becomes another's.

    uWSGI uses one environ for all requests of a worker's thread, one after the other. The visitor
    is not in it, who would else hold on to what holds on to it.
    """
    if isinstance(request, Mapping):
        ours = "koala" if _is_scope(request) else "koala.visitor"
        return {key: value for key, value in request.items() if key != ours}
    request = copy(request)  # Django's
    vars(request).pop("koala", None)
    if hasattr(request, "scope"):
        request.scope = snapshot(request.scope)
    else:
        request.environ = request.META = snapshot(request.META)
    return request


def request_line(request: Any) -> tuple[str, str] | None:
    """Return the method and the path of a request, or None if they cannot be read."""
    try:
        source = source_of(request)
        return source.method, source.path
    except Exception:  # whatever a server takes for an environ or a scope
        return None


def _is_scope(request: Mapping[str, Any]) -> bool:
    return "headers" in request or request.get("type") in _SCOPES


def source_of(request: Any) -> Source:
    """Return a reader of an environ, a scope, or a request of Django, Flask or Starlette.

    Or of a framework whose plugin is imported. Raises TypeError for anything else.
    """
    reader = readers.get(type(request))
    if reader is not None:
        return reader(request)
    scope = getattr(request, "scope", request)  # Starlette; Django under ASGI
    if isinstance(scope, Mapping) and _is_scope(scope):
        return ScopeSource(scope, request)
    environ = getattr(request, "environ", getattr(request, "META", request))  # Flask; Django
    if isinstance(environ, Mapping):
        return EnvironSource(environ, request)
    raise TypeError(f"expected a WSGI environ, an ASGI scope or a request, got {type(request)!r}")
