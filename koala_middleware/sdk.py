"""Find Segment's SDK, whether it is imported already or later. Never import it ourselves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

Watcher = Callable[[ModuleType], None]

# Two names of one SDK, which some wheels ship side by side. The old one, a common word, may also
# be a package of the user's own.
CLIENT_MODULES = ("segment.analytics.client", "analytics.client")

_watchers: list[Watcher] = []
_hooked: list[str] = []


def watch_sdk(watcher: Watcher) -> None:
    """Call ``watcher`` with each SDK's client module: with those imported by now, then others."""
    _hook()
    if watcher not in _watchers:
        _watchers.append(watcher)
        for name in CLIENT_MODULES:
            if name in sys.modules:
                watcher(sys.modules[name])


def unwatch_sdk(watcher: Watcher) -> None:
    """Stop calling ``watcher``."""
    if watcher in _watchers:
        _watchers.remove(watcher)


def sdk_is_installed() -> bool:
    """Tell whether an import of the SDK would find something."""
    return any(map(_is_importable, CLIENT_MODULES))


def _hook() -> None:
    if _hooked:
        return
    from wrapt import register_post_import_hook  # here: it takes longer to import than we do

    _hooked.extend(CLIENT_MODULES)
    for name in CLIENT_MODULES:
        if name not in sys.modules:
            register_post_import_hook(_imported, name)


def _imported(module: ModuleType) -> None:
    for watcher in _watchers:
        watcher(module)


def _is_importable(name: str) -> bool:
    package = name.rpartition(".")[0]
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # no parent package; a module that has no spec
        return False
