"""That the documentation builds, which takes Sphinx longer than most tests take together."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.skipif(
    "CI" not in os.environ and (find_spec("sphinx") is None or find_spec("furo") is None),
    reason="Sphinx and its theme furo are not installed: pip install -r docs/requirements.txt",
)
def test_build_without_a_warning(tmp_path: Path) -> None:
    sphinx_build = Path(sys.executable).with_name("sphinx-build")
    build = subprocess.run(
        [sphinx_build, "-W", "-q", "-b", "html", DOCS, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (build.returncode, build.stderr) == (0, "")
    assert (tmp_path / "index.html").exists()
