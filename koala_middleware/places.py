"""The places in an event that browser ids go to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Browser ids by the object that they go into, such as "properties", and their own key in it.
IdsByPlace = dict[str, dict[str, str]]


@lru_cache(maxsize=1024)
def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys that lead to the place that a path names."""
    root, _, rest = path.partition(".")
    if root == "integrations":
        name, _, key = rest.rpartition(".")
        return (root, name, key)
    return (root, *rest.split("."))


@lru_cache(maxsize=1024)
def _place_of(path: str) -> tuple[str, str]:
    place, _, key = path.rpartition(".")
    return place, key


def by_place(values: Mapping[str, str]) -> IdsByPlace:
    """Return browser ids, which are given by their paths, by the objects they go into.

    Do this once for all the calls of a request.
    """
    found: IdsByPlace = {}
    for path, value in values.items():
        place, key = _place_of(path)
        found.setdefault(place, {})[key] = value
    return found


def fill(ids_by_place: IdsByPlace, parts: dict[str, Any]) -> None:
    """Put browser ids into the parts of a call, as far as their places are free.

    What the caller gave stays, even None. The caller's own objects are not changed: copies take
    their places in ``parts``. A destination that the caller excluded in ``integrations`` gets
    nothing.

    :param parts: those of ``properties``, ``traits``, ``context`` and ``integrations`` that the
        call has, by name; the ids of others are passed over.
    """
    for place, ids in ids_by_place.items():
        root, _, inner = place.partition(".")
        if root in parts:
            given = parts[root] or {}  # as the SDK does
            fill_part = _with_destination if root == "integrations" else _with_ids
            parts[root] = fill_part(given, inner, ids)


def _with_destination(integrations: Any, name: str, ids: Mapping[str, str]) -> Any:
    """Return integrations with a destination's ids, unless the caller excluded it.

    One that the caller selected by True becomes an object, which selects it just as well.
    """
    if not isinstance(integrations, dict):
        return integrations
    given = integrations.get(name, integrations.get("All") is not False)
    if given is True:
        given = {}
    return {**integrations, name: {**ids, **given}} if isinstance(given, dict) else integrations


def _with_ids(given: Any, place: str, ids: Mapping[str, str]) -> Any:
    """Return an object with ids at a place in it, unless something else is there."""
    if not isinstance(given, dict):
        return given
    if not place:
        return {**ids, **given}
    name, _, inner = place.partition(".")
    return {**given, name: _with_ids(given.get(name, {}), inner, ids)}
