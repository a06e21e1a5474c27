"""What ``koala-middleware`` says of itself."""

from __future__ import annotations

from importlib import metadata

import pytest

from koala_middleware.__main__ import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"koala-middleware {metadata.version('koala-middleware')}\n"


def test_no_command_prints_help_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: koala-middleware")
    assert "\n  koala-middleware demo  " in printed


def test_output_may_be_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under pythonw, which has none."""
    monkeypatch.setattr("sys.stdout", None)
    assert main([]) == 0
