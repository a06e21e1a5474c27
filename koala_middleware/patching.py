"""Replace attributes of other packages' classes, and restore them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from koala_middleware.forks import Lock

_INHERITED = object()


@dataclass(eq=False)
class _Replacement:
    """A value that stands where another one did."""

    owner: Any
    name: str
    value: Any
    original: Any


_lock = Lock()
# Of every Patches, because one may have replaced what another one put there.
_standing: list[_Replacement] = []


class Patches:
    """Attributes that were replaced, and how to restore them.

    What somebody else has put on top of a replacement stays, and goes on calling it. So a
    replacement must pass calls on as they are once its patches have been undone.
    """

    def __init__(self) -> None:
        self._replacements: list[_Replacement] = []

    def __contains__(self, value: object) -> bool:
        return any(replacement.value is value for replacement in self._replacements)

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a class, a module or an object, until :meth:`undo`."""
        with _lock:
            # Not getattr(), which would turn a staticmethod or a property into what it gives.
            replacement = _Replacement(owner, name, value, vars(owner).get(name, _INHERITED))
            # First, so that a fork in another thread leaves nothing that cannot be undone.
            self._replacements.append(replacement)
            _standing.append(replacement)
            setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
        """Replace a method by what ``wrapper`` makes of it, once, however many threads ask."""
        with _lock:
            method = getattr(owner, name)
            if method not in self:
                self.replace(owner, name, wrapper(method))

    def undo(self) -> None:
        """Restore what was replaced, the last first, except what is no longer ours."""
        with _lock:
            for replacement in reversed(self._replacements):
                _put_back(replacement)
            self._replacements.clear()


def _put_back(replacement: _Replacement) -> None:
    owner, name, original = replacement.owner, replacement.name, replacement.original
    if vars(owner).get(name, _INHERITED) is replacement.value:
        if original is _INHERITED:
            delattr(owner, name)
        else:
            setattr(owner, name, original)
    for later in _standing:
        if later.owner is owner and later.name == name and later.original is replacement.value:
            later.original = original
    # Not remove(), which fails in a child that was forked halfway and does this again.
    _standing[:] = [each for each in _standing if each is not replacement]
