"""A place for each suite: its sdist, unpacked, and a virtual environment with our wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.others.suite import Suite

ROOT = Path(__file__).parents[2]
CONSTRAINTS = Path(__file__).with_name("constraints.txt")


def built_wheel(cache: Path) -> Path:
    """Return our wheel: the one that tox has built, or else a new one."""
    if "TOX_PACKAGE" in os.environ:
        return Path(os.environ["TOX_PACKAGE"].split(os.pathsep)[0])
    folder = cache / "wheel"
    for old in folder.glob("*.whl"):
        old.unlink()
    _run("pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("*.whl")
    return wheel


def prepare(suite: Suite, cache: Path, wheel: Path) -> tuple[Path, Path]:
    """Return the folder of the suite's sdist, and the Python of an environment with our wheel.

    Both are made the first time.
    """
    return _source(suite, cache), _python(suite, cache, wheel)


def _source(suite: Suite, cache: Path) -> Path:
    stem = f"{suite.name}-{suite.version}".lower()
    folder = cache / "sources" / stem
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Where pytest's search for the settings of a suite that has none ends, or it would find ours.
    (folder.parent / "pytest.ini").touch()
    if not folder.exists():
        sdists = cache / "sdists"
        pin = f"{suite.name}=={suite.version}"
        _run("pip", "download", "--no-deps", "--no-binary", suite.name, "--dest", str(sdists), pin)
        with tarfile.open(sdists / f"{stem}.tar.gz") as archive:
            archive.extractall(folder.parent, filter="data")
    return folder


def _python(suite: Suite, cache: Path, wheel: Path) -> Path:
    folder = cache / "venvs" / suite.name.lower()
    executable = folder / "bin" / "python"
    pins = [f"{suite.name}=={suite.version}", *suite.requires]
    installed = folder / "installed"
    wanted = "\n".join([sys.version, *pins, CONSTRAINTS.read_text()])
    into = ("pip", "install", "--quiet", "--python", str(executable))
    if not installed.exists() or installed.read_text() != wanted:
        _run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _run("uv", *into, "--constraint", str(CONSTRAINTS), "wrapt", *pins, str(wheel))
        installed.write_text(wanted)
    else:
        _run("uv", *into, "--reinstall", "--no-deps", str(wheel))
    return executable


def _run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}")
