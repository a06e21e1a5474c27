"""The logged-in user's email, for the option ``email``."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty


def user_email(request: HttpRequest) -> str | None:
    """Return the logged-in user's email if the user is loaded; for the option ``email``.

    It reads neither the session nor the database, so a page that has not looked at
    ``request.user`` stays one that does not vary with cookies.
    """
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty:
        user = getattr(request, "_acached_user", None)  # what request.auser() has loaded
    return _email_of(user)


def load_user_email(request: HttpRequest) -> str | None:
    """Return the logged-in user's email, and load the user if necessary.

    On a page that has not looked at ``request.user`` that is two queries, and the response gets
    ``Vary: Cookie``. Like :func:`user_email` in async code, where Django refuses to load.
    """
    return user_email(request) if _in_event_loop() else _email_of(getattr(request, "user", None))


def _email_of(user: Any) -> str | None:
    get_field_name = getattr(user, "get_email_field_name", None)
    return getattr(user, get_field_name() if get_field_name else "email", None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
