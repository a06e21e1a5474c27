"""Start and end the processes of the storm: only those, and all of them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port
from tests.storm.servers import Server

START_SECONDS = 120
STOP_SECONDS = 15
CHECKOUT = Path(__file__).parents[2]


class StartError(Exception):
    """A server that did not start."""


@contextmanager
def running_collector() -> Iterator[str]:
    """Run a collector and give its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storm.collect"],
        cwd=CHECKOUT,
        env=_without_coverage(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def running_server(
    server: Server, collector: str, file: Path, folder: Path, all_options: bool = False
) -> Iterator[str]:
    """Run one of the storm's servers, and give its URL; see ``running()``."""
    environment = {
        "STORM_COLLECTOR": collector,
        "STORM_FILE": str(file),
        "STORM_ALL_OPTIONS": "yes" if all_options else "",
        "STORM_BEFORE_FORK": "yes" if server.forks_late else "",
    }
    with running(server.arguments(), environment, folder) as url:
        yield url


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[str]:
    """Run a server on a ``{port}`` of its command, and give its URL.

    Raises StartError with the end of its log, which it keeps in ``folder``, if it does not come up.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {"PYTHONPATH": _path(folder), "PYTHONWARNINGS": "ignore", **environment}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [argument.format(port=port) for argument in command],
            cwd=folder,
            env=_without_coverage() | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        if not _is_up(url, process):
            raise StartError(log_end(folder))
        yield url
    finally:
        _end_group(process)


def log_end(folder: Path) -> str:
    """Return the end of what the server said."""
    return (folder / "log").read_bytes()[-2000:].decode(errors="replace")


def _without_coverage() -> dict[str, str]:
    # A killed worker loses its measurements, and threads under gevent would spoil them.
    return {name: value for name, value in os.environ.items() if "COVERAGE_PROCESS" not in name}


def _path(folder: Path) -> str:
    """Return a path that has the koala_middleware which is imported here.

    With the checkout alone, its own would stand before the wheel that is under test.
    """
    spec = importlib.util.find_spec("koala_middleware")
    assert spec is not None
    assert spec.origin is not None
    first = folder / "path"
    first.mkdir()
    (first / "koala_middleware").symlink_to(Path(spec.origin).parent.resolve())
    return os.pathsep.join([str(first), str(CHECKOUT)])


def _is_up(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return True
        time.sleep(0.1)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a server and its workers, which are the process group of its own."""
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    # Not reaped before the group is gone, so that its id cannot be another's.
    while not _has_ended(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(process, signal.SIGKILL)
    process.wait()


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:
        os.killpg(process.pid, number)
