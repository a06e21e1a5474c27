"""What a visitor adds to a call of Segment's ``track`` or ``identify``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from koala_middleware.visitor import Visitor

_NO_ID = (None, "", 0)  # with two of these the SDK raises AssertionError


@dataclass(frozen=True)
class Method:
    """Describe a method of Segment's ``Client`` by the parameters that all versions share."""

    name: str
    parameters: tuple[str, ...]
    values: str
    """The parameter that takes the properties or the traits."""

    def argument(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return an argument, whether it came by position or by keyword, or None."""
        position = self.parameters.index(name)
        return args[position] if position < len(args) else kwargs.get(name)

    def with_arguments(
        self, added: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments with others added, by position where the caller's were."""
        positional, keywords = list(args), dict(kwargs)
        for name, value in added.items():
            position = self.parameters.index(name)
            if position < len(positional):
                positional[position] = value
            else:
                keywords[name] = value
        return positional, keywords


TRACK = Method(
    "track",
    ("user_id", "event", "properties", "context", "timestamp", "anonymous_id"),
    values="properties",
)
IDENTIFY = Method(
    "identify", ("user_id", "traits", "context", "timestamp", "anonymous_id"), values="traits"
)


def additions(
    visitor: Visitor, method: Method, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that the visitor adds or replaces, by their names.

    What the caller gave stays, even None, and the caller's dicts are not changed.
    """
    options = visitor.options
    added: dict[str, Any] = {}

    values = method.argument(method.values, args, kwargs) or {}  # as the SDK does
    if isinstance(values, dict):
        filled = {**_values(visitor, method, values), **values}
        if len(filled) > len(values):
            added[method.values] = filled

    if options.context is not False:
        context = method.argument("context", args, kwargs) or {}
        if isinstance(context, dict):
            added["context"] = {**visitor.context(), **context}

    if method is TRACK or options.identify:
        ids = (method.argument(name, args, kwargs) for name in ("user_id", "anonymous_id"))
        anonymous_id = visitor.anonymous_id or visitor.profile_id
        if anonymous_id is not None and all(given in _NO_ID for given in ids):
            added["anonymous_id"] = anonymous_id
    return added


def _values(visitor: Visitor, method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties or traits that the visitor adds to those given."""
    options = visitor.options
    values = dict(visitor.bound) if method is TRACK else {}
    profile_id = visitor.profile_id
    if profile_id is not None and (method is TRACK or options.identify):
        values.setdefault(options.property_name, profile_id)
    if options.email is not None and "email" not in given and "email" not in values:
        email = visitor.email()
        if email is not None:
            values["email"] = email
    return values
