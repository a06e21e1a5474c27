"""Call something each time a module is imported or reloaded, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

from koala_middleware.faults import log_once
from koala_middleware.forks import Lock

ModuleCall = Callable[[ModuleType], None]

# Each with the module that it was called with last.
_calls: dict[str, dict[ModuleCall, ModuleType | None]] = {}
_lock = Lock()


def when_imported(name: str, call: ModuleCall) -> None:
    """Call ``call`` with the module if it is imported already, and each time it is imported."""
    with _lock:
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        _calls.setdefault(name, {}).setdefault(call, None)
    if sys.modules.get(name) is not None:
        # Not with the lock, because this waits for a thread that is importing the module.
        module = import_module(name)
        with _lock:
            if _calls[name].get(call, module) is not module:
                _call(name, call, module)


def no_longer_when_imported(name: str, call: ModuleCall) -> None:
    """Undo :func:`when_imported`."""
    with _lock:
        _calls.get(name, {}).pop(call, None)


def _call(name: str, call: ModuleCall, module: ModuleType) -> None:
    _calls[name][call] = module
    call(module)


class _Finder:
    """A finder that leaves a module to the other finders, and reports when it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _calls.get(name):
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = cast(Loader, _Reporting(spec.loader))
                return spec
        return None


class _Reporting:
    """The loader of a module, which reports that it has been loaded."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: Any) -> None:
        # What looks for the module's source later asks the loader itself.
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        try:
            with _lock:
                for call in list(_calls[module.__name__]):
                    _call(module.__name__, call, module)
        except Exception as fault:  # an import must not fail because of us
            log_once(f"what follows the import of {module.__name__} failed", fault)


_finder: Any = _Finder()
