"""An inspector for each module, emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.inspecting import Inspector, inspecting


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    with inspecting(tmp_path_factory.mktemp("inspector") / "x.db", names=("inspector",)) as running:
        yield running


@pytest.fixture
def inspector(running: Inspector) -> Inspector:
    running.store.clear()
    return running
