"""Commands that run to their end, and what they are given."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.inspecting import Inspector
from tests.processes import command, run


def run_command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run(*command(*arguments), **environ)


def track(name: str, **properties: Any) -> dict[str, Any]:
    required = {"type": "track", "userId": "u", "timestamp": "2026-11-23T12:00:00Z"}
    return {**required, "event": name, "messageId": name, "properties": properties}


def lost(name: str, cause: str, call: str = "billing/tasks.py:88") -> dict[str, Any]:
    return {**track(name), "context": {"koala": {"cause": cause, "call": call}}}


def tail(inspector: Inspector, *arguments: str) -> list[str]:
    finished = run_command(
        "tail", f"--url={inspector.url}/", *arguments, COLUMNS="40", http_proxy="http://127.0.0.1:9"
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout.splitlines()


def lines(*events: object) -> str:
    return "".join(f"{json.dumps(event)}\n" for event in events)
