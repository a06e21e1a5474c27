"""Koala's visitor for Starlette and FastAPI."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from koala_middleware import asgi


class KoalaMiddleware(asgi.KoalaMiddleware):
    """Middleware for requests and websockets: ``app.add_middleware(…)``.

    Like :class:`koala_middleware.asgi.KoalaMiddleware`, except that a ``request_filter`` gets a
    :class:`starlette.requests.HTTPConnection`. Starlette builds its middleware when the server
    starts, so that is when a wrong option raises.
    """

    def make_request(self, scope: asgi.Scope) -> HTTPConnection:
        return HTTPConnection(scope)


def user_email(request: HTTPConnection) -> str | None:
    """Return the email of the user of Starlette's AuthenticationMiddleware; for ``email``."""
    return getattr(request.scope.get("user"), "email", None)
