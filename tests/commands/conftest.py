"""An inspector with a few events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands.running import lost, track
from tests.inspecting import Inspector, inspecting
from tests.visitors import ALICE, BOB


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    with inspecting(tmp_path_factory.mktemp("inspector") / "x.db") as running:
        running.send(
            track("Signed Up", profile_id=ALICE),
            track("\x1b[31mRed\n[bold]", profile_id=BOB),
            {**track("Lost"), "type": "page"},
            {**track("No One", profile_id=ALICE), "userId": None},
            lost("Invoice Paid", "no_request"),
        )
        running.ask("POST", "/v1/batch", b'["\x1b[2J"')
        yield running
