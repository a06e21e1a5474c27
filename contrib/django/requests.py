"""A request that has been through the middleware, for type checkers."""

from __future__ import annotations

from django.http import HttpRequest

from koala_middleware.visitor import Visitor


class KoalaHttpRequest(HttpRequest):
    """The type of a request with its visitor at ``koala``, for annotations in views.

    Nothing is ever an instance of it: Django's own requests get the attribute.
    """

    koala: Visitor
