"""What a test needs and this machine lacks."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_without(reason: str) -> NoReturn:
    """Skip the test; in CI, which installs all that the tests need, fail."""
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
