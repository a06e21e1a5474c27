"""A pytest plugin: the fixture ``koala_events``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def koala_events() -> Iterator[list[dict[str, Any]]]:
    """Collect the messages that Segment's clients would send, with why they have a profile id.

    See ``koala_middleware.testing``: ``capture_events()`` and ``assert_reaches_koala()``.
    """
    from koala_middleware import explanation, testing  # here: most runs need neither

    with pytest.MonkeyPatch.context() as patch, testing.capture_events() as events:
        patch.setenv("KOALA_EXPLAIN", "1")
        explanation.read_environment()
        yield events
    explanation.read_environment()
