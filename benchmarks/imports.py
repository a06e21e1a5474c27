"""The time that an import of koala_middleware adds, as ``python -X importtime`` tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyperf

GROUP = "import"
ALONE = "koala_middleware, alone"
_IMPORTS = {
    ALONE: ("koala_middleware", ""),
    "its Django plugin, after Django": (
        "koala_middleware.contrib.django",
        "django.core.handlers.wsgi, django.core.handlers.asgi",
    ),
    "its Flask plugin, after Flask": ("koala_middleware.contrib.flask", "flask"),
    "its Starlette plugin, after Starlette": (
        "koala_middleware.contrib.starlette",
        "starlette.applications",
    ),
    "dataclasses, alone": ("dataclasses", ""),
}


def measure_imports(repeat: int) -> Iterator[pyperf.Benchmark]:
    """Yield the shortest of some imports, in interpreters of their own."""
    with TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for case, (module, first) in _IMPORTS.items():
            code = f"import {first or 'sys'}\nimport {module}"
            seconds = [_import_seconds(code, module, environment) for _ in range(repeat + 1)]
            metadata = {"name": f"{GROUP} | {case} | us"}
            run = pyperf.Run(seconds[1:], metadata=metadata, collect_metadata=False)
            yield pyperf.Benchmark([run])


def _import_seconds(code: str, module: str, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=Path(__file__).parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # A line is "import time: self [us] | cumulative | imported package", indented if nested. A
    # package's parent, whose line comes first, is a part of what its plugin takes.
    lines = [line.split("|") for line in done.stderr.splitlines()]
    names = {module, module.partition(".")[0]}
    tops = [int(line[1]) for line in lines if line[-1][1:] in names]
    return sum(tops) / 1e6
