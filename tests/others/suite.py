"""A suite: another project's own tests, as its sdist brings them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Extent = Literal["quick", "usual", "all"]

MODES = ("bare", "around", "inside", "cookie", "options", "mint")
"""How ours is put in: not at all, around every application, inside the framework's own stack; and
both at once with a cookie on requests that bring none, with every option, and with ``mint``.

In task queues and HTTP clients our plugin is around, and a cookie means a visitor for each test.
"""

FEW = ("bare", "cookie", "mint")
_OF_PLUGINS = ("bare", "around", "cookie")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Suite:
    """The tests of one version of a project."""

    name: str
    version: str
    seconds: int
    """About how long a mode of the usual run takes: the longest suites are started first."""
    requires: tuple[str, ...]
    """What the tests import beside the project."""
    tests: tuple[str, ...] = ("tests",)
    quick: tuple[str, ...] = ()
    """What the test command runs of them; nothing, if empty."""
    every: tuple[str, ...] = ()
    """What ``--all`` runs in place of them."""
    command: tuple[str, ...] = PYTEST
    folder: str = "."
    modes: tuple[str, ...] = ()
    """Those of the usual run, if not all."""
    is_of_a_plugin: bool = False
    """Whether it is of a task queue, a client, or a server that we have a plugin for."""
    needs_redis: bool = False

    def choice(self, extent: Extent) -> tuple[str, ...]:
        """Return the tests to run."""
        if extent == "quick":
            return self.quick
        return (extent == "all" and self.every) or self.tests

    def choice_of_modes(self, extent: Extent) -> tuple[str, ...]:
        """Return the modes to run them in."""
        every = _OF_PLUGINS if self.is_of_a_plugin else MODES
        return {"quick": FEW, "usual": self.modes or every, "all": every}[extent]
