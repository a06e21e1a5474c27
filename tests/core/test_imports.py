"""That modules which somebody waits for are imported as they would be otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from koala_middleware.imports import no_longer_when_imported, when_imported

NAME = "koala_watched"


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    """Return the modules called ``NAME`` that have been imported."""
    monkeypatch.syspath_prepend(tmp_path)
    modules: list[ModuleType] = []
    when_imported(NAME, modules.append)
    yield modules
    no_longer_when_imported(NAME, modules.append)
    sys.modules.pop(NAME, None)


def test_loader_answers_as_the_modules_own(imported: list[ModuleType], tmp_path: Path) -> None:
    """As ``runpy`` asks it, before anything is imported."""
    path = tmp_path / f"{NAME}.py"
    path.write_text("x = 1")
    spec = find_spec(NAME)
    assert spec is not None
    assert spec.loader.get_filename(NAME) == str(path)  # type: ignore[union-attr]
    assert not imported


def test_namespace_package_is_imported(imported: list[ModuleType], tmp_path: Path) -> None:
    """It has no loader to wait for."""
    (tmp_path / NAME).mkdir()
    assert list(import_module(NAME).__path__) == [str(tmp_path / NAME)]


@pytest.mark.usefixtures("imported")
def test_module_that_is_not_there_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match=NAME):
        import_module(NAME)
