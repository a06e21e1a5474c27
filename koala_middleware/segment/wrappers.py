"""What an instrumented ``track`` or ``identify`` does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from koala_middleware import current, explanation
from koala_middleware.causes import Cause
from koala_middleware.segment.attempts import TOO_LARGE, attempts, passing, send_if_small
from koala_middleware.segment.explaining import explained, is_logged
from koala_middleware.segment.injection import IDENTIFY, TRACK, add_visitor
from koala_middleware.segment.sizes import checking_size, is_oversize, loses_oversize

# A wrapper whose class is not among these passes calls on: somebody else's may still wrap it.
instrumented: set[type] = set()

# The wrappers spell out what all versions of the SDK take, and unpack only where there is more:
# unpacking the arguments of each call would cost more than all that is added to it.


def wrap_track(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``track`` that adds the current visitor to what it passes on."""
    checked = checking_size(original) if loses_oversize(client_class) else original
    takes_integrations = "integrations" in inspect.signature(original).parameters

    @functools.wraps(original)
    def track(
        self: Any,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *extra: Any,
        **extra_keywords: Any,
    ) -> Any:
        visitor = current.variable.get()
        send, send_filled = original, checked
        if extra or extra_keywords:
            send = passing(extra, extra_keywords, send)
            send_filled = passing(extra, extra_keywords, send_filled)
        if visitor is None or client_class not in instrumented:
            if client_class in instrumented and (explanation.everywhere or is_logged()):
                send = explained(send, send_filled, TRACK, visitor, event, properties)
            return send(self, user_id, event, properties, context, timestamp, anonymous_id)
        user_id, filled_values, filled_context, anonymous_id, added = add_visitor(
            visitor, TRACK, user_id, properties, context, anonymous_id
        )
        explains = not added or visitor.options.explain or explanation.everywhere
        if visitor.details is not None and visitor.options.browser_ids:
            parts = {"properties": filled_values, "context": filled_context}
            for filled, pass_on in attempts(
                visitor.details, parts, takes_integrations, extra, extra_keywords
            ):
                attempt = pass_on(checked)
                if explains:
                    attempt = explained(attempt, attempt, TRACK, visitor, event, properties, added)
                result = send_if_small(
                    attempt,
                    self,
                    user_id,
                    event,
                    filled["properties"],
                    filled["context"],
                    timestamp,
                    anonymous_id,
                )
                if result is not TOO_LARGE:
                    return result
        send_explained = send_filled
        if explains:
            send_explained = explained(
                send_filled, send_filled, TRACK, visitor, event, properties, added
            )
        try:
            if (
                filled_values is not properties
                or filled_context is not context
                or send_explained is not send_filled
            ):
                return send_explained(
                    self, user_id, event, filled_values, filled_context, timestamp, anonymous_id
                )
        except RuntimeError as error:
            if not is_oversize(error):
                raise
            if added:
                send = explained(
                    send, send_filled, TRACK, visitor, event, properties, cause=Cause.TOO_LARGE
                )
        return send(self, user_id, event, properties, context, timestamp, anonymous_id)

    return track


def wrap_identify(client_class: type, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return an ``identify`` that adds the current visitor to what it passes on."""
    checked = checking_size(original) if loses_oversize(client_class) else original
    takes_integrations = "integrations" in inspect.signature(original).parameters

    @functools.wraps(original)
    def identify(
        self: Any,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        *extra: Any,
        **extra_keywords: Any,
    ) -> Any:
        visitor = current.variable.get()
        send, send_filled = original, checked
        if extra or extra_keywords:
            send = passing(extra, extra_keywords, send)
            send_filled = passing(extra, extra_keywords, send_filled)
        if visitor is None or client_class not in instrumented:
            return send(self, user_id, traits, context, timestamp, anonymous_id)
        user_id, filled_values, filled_context, anonymous_id, added = add_visitor(
            visitor, IDENTIFY, user_id, traits, context, anonymous_id
        )
        explains = not added or visitor.options.explain or explanation.everywhere
        if visitor.details is not None and visitor.options.browser_ids and visitor.options.identify:
            parts = {"traits": filled_values, "context": filled_context}
            for filled, pass_on in attempts(
                visitor.details, parts, takes_integrations, extra, extra_keywords
            ):
                attempt = pass_on(checked)
                if explains:
                    attempt = explained(attempt, attempt, IDENTIFY, visitor, None, traits, added)
                result = send_if_small(
                    attempt,
                    self,
                    user_id,
                    filled["traits"],
                    filled["context"],
                    timestamp,
                    anonymous_id,
                )
                if result is not TOO_LARGE:
                    return result
        send_explained = send_filled
        if explains:
            send_explained = explained(
                send_filled, send_filled, IDENTIFY, visitor, None, traits, added
            )
        try:
            if (
                filled_values is not traits
                or filled_context is not context
                or send_explained is not send_filled
            ):
                return send_explained(
                    self, user_id, filled_values, filled_context, timestamp, anonymous_id
                )
        except RuntimeError as error:
            if not is_oversize(error):
                raise
            if added:
                send = explained(
                    send, send_filled, IDENTIFY, visitor, None, traits, cause=Cause.TOO_LARGE
                )
        return send(self, user_id, traits, context, timestamp, anonymous_id)

    return identify
