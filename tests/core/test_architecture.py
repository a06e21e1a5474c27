"""The rules of docs/architecture.rst."""

from __future__ import annotations

import sys
from importlib.metadata import requires

import pytest

from tests.architecture import (
    OUTBUILDINGS,
    core_graph,
    floors,
    import_graph,
    imported_names,
    modules,
)

FRAMEWORKS = {
    *("aiohttp", "arq", "celery", "django", "django_tasks", "dramatiq", "fastapi", "flask", "huey"),
    *("rq", "starlette", "taskiq", "werkzeug"),
}


def test_imports_form_no_circle() -> None:
    assert floors(core_graph())


@pytest.mark.parametrize("outbuilding", OUTBUILDINGS)
def test_core_imports_no_outbuilding(outbuilding: str) -> None:
    """Nothing imports contrib; only the command line imports the inspector and the demo.

    A test's assertion asks the inspector for its verdict.
    """
    importers = {
        name
        for name, targets in import_graph().items()
        if not name.startswith(OUTBUILDINGS) and any(t.startswith(outbuilding) for t in targets)
    }
    assert importers <= {"__main__", *(["testing"] if outbuilding == "inspector" else [])}


def test_contrib_does_not_import_the_inspector_or_the_demo() -> None:
    for name, targets in import_graph().items():
        if name.startswith("contrib"):
            assert not any(target.startswith(("demo", "inspector")) for target in targets)


def test_core_imports_the_standard_library_alone() -> None:
    """No web framework, nor Segment's SDK."""
    names = {
        imported.partition(".")[0]
        for module, path in modules().items()
        if not module.startswith(OUTBUILDINGS)
        for imported in imported_names(path)
    }
    assert not names & FRAMEWORKS
    assert names <= {*sys.stdlib_module_names, "koala_middleware"}


def test_core_depends_on_two_packages_at_most() -> None:
    needed = [name for name in requires("koala-middleware") or () if "extra ==" not in name]
    assert len(needed) <= 2


def test_files_fit_on_two_screens() -> None:
    long = [str(path) for path in modules().values() if len(path.read_text().splitlines()) > 250]
    assert not long
