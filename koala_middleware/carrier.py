"""A visitor written into a message, and read from it where the work goes on.

The terms are OpenTelemetry's: a carrier is whatever has room in a message for strings by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

from koala_middleware import current
from koala_middleware.browser_ids import is_browser_id, is_path
from koala_middleware.callables import ask
from koala_middleware.faults import log_once
from koala_middleware.options import Options
from koala_middleware.places import by_place, keys_of
from koala_middleware.request import RequestDetails
from koala_middleware.scopes import ScopedVisitor, profile
from koala_middleware.visitor import DEFAULT_OPTIONS, GivenVisitor, Visitor

KEY = "koala_visitor"
"""The one key of a carrier that is ours."""

VERSION = 1
_LONGEST_ID = 255
_MOST_JSON = 8192  # characters, of the properties and of the browser's ids each
_LONGEST = 20_000
_DEEPEST = 16


def inject(carrier: MutableMapping[str, Any]) -> None:
    """Write the current visitor into a mapping that goes along with some work.

    It gets one string, under the key ``koala_visitor``: the profile id, the anonymous id, what is
    bound, and the browser's ids. Without a visitor a key that is already there is removed.
    """
    visitor = current.variable.get()
    fields = {} if visitor is None else _fields_of(visitor)
    if fields:
        carrier[KEY] = json.dumps({"version": VERSION, **fields}, separators=(",", ":"))
    else:
        carrier.pop(KEY, None)


class extract(profile):  # noqa: N801 (used like a function)
    """Make the visitor current whom :func:`inject` has written into a mapping.

    A context manager and a decorator, for functions and coroutine functions alike. Without the key
    nobody is current. Whoever can write to a broker may have written the mapping, so everything in
    it is checked again; if anything is wrong, nobody is current and the log says so once.

    :param carrier: the mapping.
    :param options: those of the middleware, of which ``parse`` and ``property_name`` count here.
        In a request the request's are used.
    """

    def __init__(self, carrier: Mapping[str, Any], *, options: Options | None = None) -> None:
        super().__init__(None, options=options)
        outer = current.variable.get()
        self._options = options or (outer.options if outer is not None else DEFAULT_OPTIONS)
        self._extracted = visitor = read_visitor(carrier, self._options)
        self._profile_id, self._anonymous_id = visitor.profile_id, visitor.anonymous_id

    def _visitor(self) -> ScopedVisitor:
        visitor, extracted = super()._visitor(), self._extracted
        visitor.bound, visitor.details = extracted.bound, extracted.details
        return visitor


def read_visitor(carrier: Mapping[str, Any], options: Options) -> GivenVisitor:
    """Return the visitor in a carrier, or nobody if there is none or anything is wrong."""
    visitor = GivenVisitor(None, None, None, options)
    try:
        text = carrier.get(KEY)
        return visitor if text is None else _visitor_of(_load(text), options)
    except Exception as fault:
        log_once("the visitor of a message was refused, so its work has nobody", fault)
        return visitor


class CarriedDetails(RequestDetails):
    """What is known of a request that is not here: the ids that the browser had sent."""

    __slots__ = ("_carried",)

    def __init__(self, browser_ids: Mapping[str, str]) -> None:
        super().__init__(DEFAULT_OPTIONS, lambda raw: raw, {})
        self._carried = browser_ids
        self._ids_by_place = by_place(browser_ids)
        self.has_browser_ids = True

    def browser_ids(self) -> Mapping[str, str]:
        return self._carried

    def context(self) -> dict[str, Any]:
        return {}

    def request_line(self) -> None:
        return None


def _fields_of(visitor: Visitor) -> dict[str, Any]:
    details, own = visitor.details, visitor.options.property_name
    copies = (_json_copy({name: value}) for name, value in visitor.bound.items() if name != own)
    fields = {
        "profile_id": visitor.profile_id,
        "anonymous_id": visitor.anonymous_id,
        "properties": {name: v for copy in copies if copy for name, v in copy.items()},
        "browser_ids": {} if details is None else dict(details.browser_ids()),
    }
    return {name: value for name, value in fields.items() if value and _is_small(value)}


def _load(text: object) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise TypeError("expected a str that is not too long")
    fields: dict[str, Any] = json.loads(text)
    if fields["version"] != VERSION:
        raise ValueError("expected another version")
    return fields


def _visitor_of(fields: Mapping[str, Any], options: Options) -> GivenVisitor:
    profile_id = _checked_id(fields.get("profile_id"), options.parse)
    anonymous_id = _checked_id(fields.get("anonymous_id"))
    browser_ids = _checked_browser_ids(fields.get("browser_ids", {}), options.property_name)
    details = CarriedDetails(browser_ids) if browser_ids else None
    visitor = GivenVisitor(profile_id, anonymous_id, None, options, details)
    visitor.bound = _checked_properties(fields.get("properties", {}), options.property_name)
    return visitor


def _checked_id(value: object, parse: Callable[[str], object] = str) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and _is_small(value):
        parsed = str(ask(partial(parse, value)) or "")
        if parsed and _is_small(parsed):
            return parsed
    raise ValueError("expected an id, which the option parse accepts if it is a profile id")


def _checked_properties(properties: Any, own: str) -> dict[str, Any]:
    if not isinstance(properties, dict) or own in properties:
        raise ValueError("expected bound properties, the profile id not among them")
    if _json_copy(properties) is None or not _is_small(properties):
        raise ValueError("expected bound properties that are not too many")
    return properties


def _checked_browser_ids(browser_ids: Any, own: str) -> dict[str, str]:
    if not isinstance(browser_ids, dict) or not _is_small(browser_ids):
        raise ValueError("expected a browser's ids by their paths")
    for path, value in browser_ids.items():
        if not is_path(path) or _is_ours(path, own) or not is_browser_id(value):
            raise ValueError("expected a browser's id and the path to where it goes")
    return browser_ids


def _is_ours(path: str, own: str) -> bool:
    """Return whether what goes to a place is checked, agreed to or explained elsewhere."""
    ours = {"properties": (own,), "traits": (own,), "context": ("consent", "koala")}
    root, key = keys_of(path)[:2]
    return key in ours.get(root, ())


def _is_small(value: Any) -> bool:
    """Return whether an id, or a mapping that JSON has a form for, is small enough to be sent."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_ID and value.isprintable()
    return len(json.dumps(value)) <= _MOST_JSON


def _json_copy(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return what JSON makes of a value, or None if that is not the same."""
    try:
        if not _is_shallow(value):
            return None
        copy: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
        return copy if copy == value else None
    except Exception:  # of whatever the value is
        return None


def _is_shallow(value: object, levels: int = _DEEPEST) -> bool:
    """Return whether a value is not nested deeper than the SDK can follow."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in inner)
