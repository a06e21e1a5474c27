"""Failures that only ours has, and that are no fault of ours: each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from tests.others.suites import MODES


@dataclass(frozen=True)
class Accepted:
    """A test that fails with our middleware in some modes."""

    suite: str
    test: str
    reason: str
    modes: tuple[str, ...] = MODES[1:]


_BOTH = ("inside", "cookie", "options", "mint")

ACCEPTED = [
    Accepted(
        "Flask",
        "tests.test_regression::test_app_freed_on_zero_refcount",
        "app.wsgi_app = X(app.wsgi_app), as Flask documents it, is a cycle, whatever X is",
        _BOTH,
    ),
]


def reason(suite: str, mode: str, test: str) -> str | None:
    """Return why a failure is accepted, or None."""
    for accepted in ACCEPTED:
        if (accepted.suite, accepted.test) == (suite, test) and mode in accepted.modes:
            return accepted.reason
    return None
