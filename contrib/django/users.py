"""Who is logged in, for the options ``email`` and ``user_id``."""

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
    return _email_of(_loaded_user(request))


def load_user_email(request: HttpRequest) -> str | None:
    """Return the logged-in user's email, and load the user if necessary.

    On a page that has not looked at ``request.user`` that is two queries, and the response gets
    ``Vary: Cookie``. Like :func:`user_email` in async code, where Django refuses to load.
    """
    return user_email(request) if _in_event_loop() else _email_of(getattr(request, "user", None))


def user_id(request: HttpRequest) -> str | None:
    """Return the primary key of the user who is logged in, if loaded already; for ``user_id``.

    Like :func:`user_email` it neither reads the session nor asks the database.
    """
    key = getattr(_loaded_user(request), "pk", None)
    return None if key is None else str(key)


def _loaded_user(request: HttpRequest) -> Any:
    user: Any = getattr(request, "user", None)
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is empty:
        return getattr(request, "_acached_user", None)  # what request.auser() has loaded
    return user


def _email_of(user: Any) -> str | None:
    get_field_name = getattr(user, "get_email_field_name", None)
    return getattr(user, get_field_name() if get_field_name else "email", None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
