"""Koala's visitor for Starlette and FastAPI."""

from __future__ import annotations

from koala_middleware import asgi
from koala_middleware.contrib._extras import needing

with needing("starlette"):
    from starlette.requests import HTTPConnection


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


def user_id(request: HTTPConnection) -> str | None:
    """Return the ``identity`` of AuthenticationMiddleware's user; for the option ``user_id``."""
    user = request.scope.get("user")
    if not getattr(user, "is_authenticated", False):
        return None
    try:
        identity = getattr(user, "identity", None)
    except NotImplementedError:  # by BaseUser.identity, for a class without its own
        return None
    return None if identity is None else str(identity)
