"""What a test needs and this machine lacks."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NoReturn

import pytest


def skip_without(reason: str) -> NoReturn:
    """Skip the test; in CI, which installs all that the tests need, fail."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def needed(name: str) -> Any:
    """Return a module of a package that tox installs."""
    try:
        return import_module(name)
    except ImportError as error:
        skip_without(f"{name} cannot be imported: {error}")
