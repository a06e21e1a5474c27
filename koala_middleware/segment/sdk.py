"""Find Segment's SDK, whether it is imported already or later. Never import it ourselves."""

from __future__ import annotations

from importlib.util import find_spec

from koala_middleware.imports import ModuleCall, no_longer_when_imported, when_imported

# Two names of one SDK, which some wheels ship side by side. The old one, a common word, may also
# be a package of the user's own.
CLIENT_MODULES = ("segment.analytics.client", "analytics.client")


def watch_sdk(call: ModuleCall) -> None:
    """Call ``call`` with each SDK's client module: with those imported by now, then others."""
    for name in CLIENT_MODULES:
        when_imported(name, call)


def unwatch_sdk(call: ModuleCall) -> None:
    """Stop calling ``call``."""
    for name in CLIENT_MODULES:
        no_longer_when_imported(name, call)


def sdk_is_installed() -> bool:
    """Return whether the SDK can be imported."""
    return any(map(_is_importable, CLIENT_MODULES))


def _is_importable(name: str) -> bool:
    package = name.rpartition(".")[0]
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # no parent package; a module that has no spec
        return False
