"""The places in an event that browser ids go to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

# Browser ids by the part of a call that they go into, such as "properties", by what leads on from
# there to their object, such as "user" or "", and by their own key.
IdsByPlace = dict[str, dict[str, dict[str, str]]]


@lru_cache(maxsize=1024)
def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys that lead to the place that a path names."""
    root, _, rest = path.partition(".")
    if root == "integrations":
        name, _, key = rest.rpartition(".")
        return (root, name, key)
    return (root, *rest.split("."))


@lru_cache(maxsize=1024)
def place_of(path: str) -> tuple[str, str, str]:
    """Return the keys in :data:`IdsByPlace` of the id that goes to a path."""
    place, _, key = path.rpartition(".")
    root, _, inner = place.partition(".")
    return root, inner, key


def by_place(values: Mapping[str, str]) -> IdsByPlace:
    """Return browser ids, which are given by their paths, by the objects they go into.

    Do this once for all the calls of a request.
    """
    found: IdsByPlace = {}
    for path, value in values.items():
        root, inner, key = place_of(path)
        found.setdefault(root, {}).setdefault(inner, {})[key] = value
    return found


def by_path(ids_by_place: IdsByPlace, paths: Iterable[str]) -> dict[str, str]:
    """Return those browser ids that go to one of the paths, in the order of these."""
    found: dict[str, str] = {}
    for path in paths:
        root, inner, key = place_of(path)
        ids = ids_by_place.get(root, {}).get(inner, {})
        if key in ids:
            found[path] = ids[key]
    return found


def fill(ids_by_place: IdsByPlace, parts: dict[str, Any]) -> None:
    """Put browser ids into the parts of a call, as far as their places are free.

    What the caller gave stays, even None. The caller's own objects are not changed: copies take
    their places in ``parts``. A destination that the caller excluded in ``integrations`` gets
    nothing.

    :param parts: those of ``properties``, ``traits``, ``context`` and ``integrations`` that the
        call has, by name; the ids of others are passed over.
    """
    for root, places in ids_by_place.items():
        if root in parts:
            given = parts[root] or {}  # as the SDK does
            if root == "integrations":
                parts[root] = _with_destinations(given, places)
            else:
                for place, ids in places.items():
                    given = _with_ids(given, place, ids)
                parts[root] = given


def _with_destinations(integrations: Any, places: Mapping[str, dict[str, str]]) -> Any:
    """Return integrations with the ids of destinations, unless the caller excluded them.

    One that the caller selected by True becomes an object, which selects it just as well.
    """
    if not isinstance(integrations, dict):
        return integrations
    filled = {**integrations}
    by_default = integrations.get("All") is not False
    for name, ids in places.items():
        given = integrations.get(name, by_default)
        if given is True:
            given = {}
        if isinstance(given, dict):
            filled[name] = {**ids, **given}
    return filled


def _with_ids(given: Any, place: str, ids: Mapping[str, str]) -> Any:
    """Return an object with ids at a place in it, unless something else is there."""
    if not isinstance(given, dict):
        return given
    if not place:
        return {**ids, **given}
    name, _, inner = place.partition(".")
    return {**given, name: _with_ids(given.get(name, {}), inner, ids)}
