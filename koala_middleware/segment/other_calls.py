"""What an instrumented ``page``, ``screen``, ``group`` or ``alias`` does, if it is to be filled."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from koala_middleware import current
from koala_middleware.faults import log_once
from koala_middleware.segment.attempts import TOO_LARGE, send_if_small
from koala_middleware.segment.injection import (
    Method,
    add_ids,
    add_to_context,
    with_browser_ids,
)
from koala_middleware.segment.sizes import checking_size, loses_oversize
from koala_middleware.segment.wrappers import instrumented
from koala_middleware.visitor import Visitor

_PAGE = ("user_id", "category", "name", "properties", "context", "timestamp", "anonymous_id")
OTHER_METHODS = (
    Method("page", _PAGE),
    Method("screen", _PAGE),
    Method("group", ("user_id", "group_id", "traits", "context", "timestamp", "anonymous_id")),
    Method("alias", ("previous_id", "user_id", "context", "timestamp")),
)


def wrap_other(method: Method, client_class: type, original: Callable[..., Any]) -> Any:
    """Return a method that adds the current visitor to what it passes on, if an option says so.

    That is the context, the ids in it and in ``integrations``, and who the visitor is. Properties
    and traits are the caller's: here they describe a page or a group.
    """
    checked = checking_size(original) if loses_oversize(client_class) else original
    signature = inspect.signature(original)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        visitor = current.variable.get()
        if (
            visitor is not None
            and client_class in instrumented
            and method.name in visitor.options.calls
        ):
            try:
                given = signature.bind(*args, **kwargs)
            except TypeError:  # which the method itself raises below
                return original(*args, **kwargs)
            for arguments in _filled(visitor, given.arguments, signature):
                given.arguments.update(arguments)
                result = send_if_small(functools.partial(checked, **given.kwargs), *given.args)
                if result is not TOO_LARGE:
                    return result
        return original(*args, **kwargs)

    return call


def _filled(
    visitor: Visitor, given: dict[str, Any], signature: inspect.Signature
) -> Iterator[dict[str, Any]]:
    """Yield arguments to replace: with all that is added, then with fewer of the browser's ids."""
    given = given.copy()
    ids: dict[str, Any] = {}
    if "previous_id" in signature.parameters:  # alias, whose anonymous id this is
        if given.get("previous_id") is None and visitor.anonymous_id is not None:
            ids["previous_id"] = visitor.anonymous_id
        if not given.get("user_id"):
            ids["user_id"], _ = add_ids(visitor, given.get("user_id"), "")
    elif not given.get("user_id"):
        ids["user_id"], ids["anonymous_id"] = add_ids(
            visitor, given.get("user_id"), given.get("anonymous_id")
        )
    details, parts = visitor.details, {}
    if details is not None:
        parts["context"] = add_to_context(visitor, details, given.get("context"))
        if "integrations" in signature.parameters:
            parts["integrations"] = given.get("integrations")
        try:
            for filled in with_browser_ids(details, parts):
                yield ids | filled
        except Exception as fault:
            log_once("an event goes out without the browser's ids", fault)
    yield ids | parts
