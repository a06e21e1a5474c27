"""The places in an event that browser ids go to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Union

# An event's objects, as far as browser ids go into them.
Tree = dict[str, Union[str, "Tree"]]


@lru_cache(maxsize=1024)
def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys that lead to the place that a path names."""
    root, _, rest = path.partition(".")
    if root == "integrations":
        name, _, key = rest.rpartition(".")
        return (root, name, key)
    return (root, *rest.split("."))


@lru_cache(maxsize=1024)
def _place_of(path: str) -> tuple[tuple[str, ...], str]:
    *place, key = keys_of(path)
    return tuple(place), key


def tree_of(values: Mapping[str, str]) -> Tree:
    """Return browser ids, which are given by their paths, as the objects they go into.

    Do this once for all the calls of a request.
    """
    tree: Tree = {}
    for path, value in values.items():
        place, key = _place_of(path)
        node: Any = tree
        for name in place:
            node = node.setdefault(name, {})
            if type(node) is not dict:  # another id has this place
                break
        else:
            node.setdefault(key, value)
    return tree


def fill(tree: Tree, parts: dict[str, Any]) -> None:
    """Put browser ids into the parts of a call, as far as their places are free.

    What the caller gave stays, even None. The caller's own objects are not changed: copies take
    their places in ``parts``. A destination that the caller excluded in ``integrations`` gets
    nothing.

    :param parts: those of ``properties``, ``traits``, ``context`` and ``integrations`` that the
        call has, by name; the ids of others are passed over.
    """
    for root, ids in tree.items():
        if root in parts:
            given = parts[root] or {}  # as the SDK does
            if root == "integrations":
                given, ids = _selected(given, ids)
            parts[root] = _merged(given, ids)


def _selected(integrations: Any, ids: Any) -> tuple[Any, Tree]:
    """Return the integrations and the ids of those that are not excluded.

    One that the caller selected by True becomes an object, which selects it just as well.
    """
    if not integrations or not isinstance(integrations, dict):
        return integrations, ids
    if integrations.get("All") is False:
        ids = {name: ids[name] for name in ids if name in integrations}
    objects: dict[str, Any] = {name: {} for name in ids if integrations.get(name) is True}
    return {**integrations, **objects}, ids


def _merged(given: Any, ids: Any) -> Any:
    if not isinstance(given, dict) or not isinstance(ids, dict):
        return given
    merged = {**ids, **given}
    for key, value in ids.items():
        if isinstance(value, dict):
            merged[key] = _merged(given.get(key, {}), value)
    return merged
