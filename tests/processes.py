"""New interpreters: scripts that run to their end, and servers that run until they are stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.asking import Answer, ask

if TYPE_CHECKING:
    from typing_extensions import Self

# With ``-c`` or ``-m`` the working directory comes first on ``sys.path``: in the checkout, its
# package would be tested in place of the installed one.
ELSEWHERE = Path(sys.executable).parent

# A shell makes its background jobs, and so what they start, ignore Ctrl-C.
COMMAND = """
import signal, sys
{}
from koala_middleware.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


def command(*arguments: str, before: str = "") -> list[str]:
    """Return Python's arguments for ``koala-middleware``, after some code of the test's own."""
    return ["-W", "error", "-c", COMMAND.format(before), *arguments]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments and additions to its environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ELSEWHERE,
        env=_environ(environ),
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_script(script: str, *options: str) -> str:
    """Return what a script prints, which must succeed."""
    done = run(*options, "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def output_of(script: str) -> str:
    """Return what a script prints, errors too."""
    done = run("-c", script)
    return done.stdout + done.stderr


class Process:
    """Python that prints lines until it is stopped."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ELSEWHERE,
            env=_environ(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, if it still runs, and close its pipes."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.communicate()

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Return the status with which it ended, and what it printed since it started."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=10)
        return self.process.returncode, stdout, stderr


class Server(Process):
    """``koala-middleware inspect`` or ``demo``, from the moment that it says its URL."""

    def __init__(self, *arguments: str, port: int = 0, before: str = "", **environ: str) -> None:
        super().__init__(*command(*arguments, f"--port={port}", before=before), **environ)
        self.greeting = self.line()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.greeting)
        assert found is not None, self.greeting + self.process.communicate()[1]
        self.url, self.port = found[0], int(found[1])

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return ask(self.url, method, path, body, **headers)

    def post(self, path: str, body: object) -> Answer:
        return self.ask("POST", path, json.dumps(body).encode())

    def send(self, *events: object) -> None:
        """Send events as the SDK does; all are taken."""
        assert self.post("/v1/batch", {"batch": events}).status == 200

    def events(self, query: str = "") -> list[dict[str, Any]]:
        """Return the events that it lists, newest first."""
        events: list[dict[str, Any]] = self.ask("GET", f"/api/events?{query}").json["events"]
        return events


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _environ(added: dict[str, str]) -> dict[str, str]:
    # Colours would be in the text that a test compares.
    kept = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    return {**kept, **added}
