"""Koala's visitor for Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from koala_middleware import wsgi
from koala_middleware.contrib._extras import needing
from koala_middleware.settings import options_from_settings

with needing("flask"):
    from flask import Flask, Request, g, has_app_context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class KoalaMiddleware(wsgi.KoalaMiddleware):
    """Middleware for ``wsgi_app``: ``app.wsgi_app = KoalaMiddleware(app.wsgi_app)``.

    Like :class:`koala_middleware.wsgi.KoalaMiddleware`, except that a ``request_filter`` gets a
    :class:`flask.Request`. It may look at everything but the body, which is the view's to read.
    """

    def make_request(self, environ: WSGIEnvironment) -> Request:
        return Request(environ, populate_request=False, shallow=True)


class Koala:
    """A Flask extension that makes each request's visitor current.

    Options come from ``app.config["KOALA_…"]``.

    Raises TypeError or ValueError for a setting that is unknown or wrong.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Wrap ``app.wsgi_app``; config that is changed later has no effect."""
        options = options_from_settings(app.config, "app.config")
        wrapped = KoalaMiddleware(app.wsgi_app, **vars(options))
        app.wsgi_app = wrapped  # type: ignore[method-assign]  # as Flask documents it
        app.extensions["koala"] = self


def user_email(request: Request) -> str | None:
    """Return the email of Flask-Login's current user; for the option ``email``."""
    from flask_login import current_user

    return getattr(current_user, "email", None)


def user_id(request: Request) -> str | None:
    """Return the id of Flask-Login's current user, if loaded already; for the option ``user_id``.

    It neither reads the session nor calls the ``user_loader``.
    """
    user = g.get("_login_user") if has_app_context() else None
    key = None if user is None else user.get_id()
    return None if key is None else str(key)
