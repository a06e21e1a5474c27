"""How every test here runs Django."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings


@pytest.fixture(autouse=True)
def django_lets_exceptions_pass() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=None, DEBUG_PROPAGATE_EXCEPTIONS=True):
        yield
