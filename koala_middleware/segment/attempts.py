"""What to send with the ids of the browser, until an event is small enough for Segment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from koala_middleware.request import RequestDetails
from koala_middleware.segment.injection import with_browser_ids
from koala_middleware.segment.sizes import is_oversize

TOO_LARGE = object()
Send = Callable[..., Any]


def passing(extra: tuple[Any, ...], extra_keywords: dict[str, Any], send: Send) -> Send:
    """Return a method that also passes on what only some versions of the SDK take."""
    return lambda *shared: send(*shared, *extra, **extra_keywords)


def attempts(
    details: RequestDetails,
    parts: dict[str, Any],
    takes_integrations: bool,
    extra: tuple[Any, ...],
    extra_keywords: dict[str, Any],
) -> Iterator[tuple[dict[str, Any], Callable[[Send], Send]]]:
    """Yield what to try: the parts of a call, and what makes a method pass on the rest of it."""
    if takes_integrations:
        parts["integrations"] = extra[0] if extra else extra_keywords.get("integrations")
    for filled in with_browser_ids(details, parts):
        integrations = filled.get("integrations")
        if integrations is None:
            yield filled, functools.partial(passing, extra, extra_keywords)
        elif extra:
            yield filled, functools.partial(passing, (integrations, *extra[1:]), extra_keywords)
        else:
            keywords = {**extra_keywords, "integrations": integrations}
            yield filled, functools.partial(passing, extra, keywords)


def send_if_small(send: Send, *args: Any) -> Any:
    """Return what a call returns, or ``TOO_LARGE`` if the event is over Segment's limit."""
    try:
        return send(*args)
    except RuntimeError as error:
        if not is_oversize(error):
            raise
        return TOO_LARGE
