"""The settings of Django's suite: its own, and those of our middleware."""

from __future__ import annotations

import os

from test_sqlite import *  # type: ignore[import-not-found]  # noqa: F403

TEST_RUNNER = "koala_around.django_results.Runner"

if os.environ.get("KOALA_AROUND", "bare") != "bare":
    from koala_around.mode import OPTIONS  # type: ignore[import-not-found]

    globals().update({f"KOALA_{name.upper()}": value for name, value in OPTIONS.items()})
