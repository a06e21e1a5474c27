"""One view, served by Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.django_site import Serve, serving


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return :func:`serving` as a call, which lasts until the test ends."""
    with ExitStack() as stack:
        yield lambda *args, **changed: stack.enter_context(serving(*args, **changed))
