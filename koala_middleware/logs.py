"""The visitor's profile id in log records."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from koala_middleware.visitor import get_profile_id

KEY = "koala_profile_id"


class ProfileIdFilter(logging.Filter):
    """A filter that gives each record the current visitor's profile id, ``koala_profile_id``.

    Add it to a handler, not to a logger, whose filters do not see what its children log. It lets
    every record pass.

    :param default: what a record has without a profile id.
    """

    def __init__(self, default: str | None = None) -> None:
        super().__init__()
        self._default = default

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, KEY):  # another handler's filter may have run as the visitor
            setattr(record, KEY, get_profile_id() or self._default)
        return True


def add_profile_id(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add the current visitor's profile id, if there is one: a processor for structlog."""
    profile_id = get_profile_id()
    if profile_id is not None:
        event_dict.setdefault(KEY, profile_id)
    return event_dict
