"""The documentation's page on the frameworks: what it shows is run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.missing import needed
from tests.test_docs import DOCS, run_page


@pytest.mark.usefixtures("events")  # lest anything be sent
def test_code(namespace: dict[str, Any]) -> None:
    for name in ("litestar", "quart", "falcon", "pyramid", "bottle", "blacksheep", "sanic"):
        needed(name)
    run_page(DOCS / "frameworks.rst", namespace)
