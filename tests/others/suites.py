"""All the suites."""

from __future__ import annotations

from tests.others.frameworks import FRAMEWORKS
from tests.others.integrations import INTEGRATIONS

SUITES = [*FRAMEWORKS, *INTEGRATIONS]

_NO_TESTS = "its sdist brings no tests"
WITHOUT_TESTS = {
    "Quart 0.22.0": _NO_TESTS,
    "django-tasks 0.12.0": _NO_TESTS,
    "dramatiq 2.2.1": "its sdist leaves out their conftest.py",
}
