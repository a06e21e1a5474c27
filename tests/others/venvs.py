"""A place for each suite: its sdist, unpacked, and a virtual environment with our wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.others.suites import Suite

ROOT = Path(__file__).parents[2]
CONSTRAINTS = Path(__file__).with_name("constraints.txt")


def built_wheel(cache: Path) -> Path:
    """Return our wheel: the one that tox has built, or else a new one."""
    if "TOX_PACKAGE" in os.environ:
        return Path(os.environ["TOX_PACKAGE"].split(os.pathsep)[0])
    folder = cache / "wheel"
    for old in folder.glob("*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("*.whl")
    return wheel


def source(suite: Suite, cache: Path) -> Path:
    """Return the folder of the suite's sdist, downloaded and unpacked the first time."""
    stem = f"{suite.name}-{suite.version}".lower()
    folder = cache / "sources" / stem
    if not folder.exists():
        sdists = cache / "sdists"
        pin = f"{suite.name}=={suite.version}"
        _pip("download", "--no-deps", "--no-binary", suite.name, "--dest", str(sdists), pin)
        with tarfile.open(sdists / f"{stem}.tar.gz") as archive:
            archive.extractall(folder.parent, filter="data")
    return folder


def python(suite: Suite, cache: Path, wheel: Path) -> Path:
    """Return the Python of the suite's virtual environment, with this wheel of ours in it."""
    folder = cache / "venvs" / suite.name.lower()
    executable = folder / "bin" / "python"
    pins = [f"{suite.name}=={suite.version}", *suite.requires]
    installed = folder / "installed"
    wanted = "\n".join([sys.version, *pins, CONSTRAINTS.read_text()])
    into = ("--python", str(executable))
    if not installed.exists() or installed.read_text() != wanted:
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True
        )
        _pip(*into, "install", "--constraint", str(CONSTRAINTS), "wrapt", *pins, str(wheel))
        installed.write_text(wanted)
    else:
        _pip(*into, "install", "--force-reinstall", "--no-deps", str(wheel))
    return executable


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}")
