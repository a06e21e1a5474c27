"""Koala's visitor for Django."""

from koala_middleware.contrib._extras import needing

with needing("django"):
    from koala_middleware.contrib.django.middleware import KoalaMiddleware
    from koala_middleware.contrib.django.requests import KoalaHttpRequest
    from koala_middleware.contrib.django.users import load_user_email, user_email, user_id

__all__ = ["KoalaHttpRequest", "KoalaMiddleware", "load_user_email", "user_email", "user_id"]
