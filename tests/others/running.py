"""Run a suite in one mode, and say which tests failed."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.others.redis import redis
from tests.others.suite import Suite

PLUGIN = Path(__file__).with_name("plugin")
_LONGEST = 30 * 60  # seconds, for a machine that does other things, too


@dataclass(frozen=True)
class Outcome:
    """What became of the tests of one suite in one mode."""

    ran: frozenset[str]
    failed: dict[str, str]
    """The names of the tests, and the ends of their tracebacks."""
    faults: list[str]
    """What our middleware logged, and events of another visitor or of none."""
    seconds: float

    def confirmed_by(self, again: Outcome) -> Outcome:
        """Return what two runs have in common; a fault of ours counts if either had it."""
        failed = {test: self.failed[test] for test in self.failed.keys() & again.failed.keys()}
        return replace(self, failed=failed, faults=self.faults + again.faults)


# Our plugin for pytest is in the package that is around the suite's applications by then.
_ALREADY_IMPORTED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"


def run(suite: Suite, mode: str, tests: tuple[str, ...], source: Path, python: Path) -> Outcome:
    """Run some tests of a suite; of a run that broke, the last lines are a fault."""
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="others-"))
        results, faults = Path(temporary, "results"), Path(temporary, "faults")
        faults.touch()
        command = [str(python), *suite.command, *tests]
        if "pytest" in suite.command:
            command += [f"--junit-xml={results}", "--rootdir=.", "-W", _ALREADY_IMPORTED]
        environ = {
            "HOME": temporary,
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(PLUGIN),
            "TMPDIR": temporary,
            "KOALA_AROUND": mode,
            "KOALA_AROUND_FAULTS": str(faults),
            "KOALA_AROUND_RESULTS": str(results),
        }
        if suite.is_of_a_plugin:
            environ["KOALA_AROUND_PLUGINS"] = "1"
        if suite.needs_redis:
            environ["KOALA_AROUND_REDIS"] = str(stack.enter_context(redis(temporary)))
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=source / suite.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST,
        )
        seconds = time.monotonic() - started
        if not results.exists() or done.returncode not in (0, 1):
            tail = done.stdout.decode(errors="replace")[-3000:]
            return Outcome(frozenset(), {}, [f"broke with {done.returncode}:\n{tail}"], seconds)
        read = _junit if "pytest" in suite.command else _json
        ran, failed = read(results)
        return Outcome(frozenset(ran), failed, faults.read_text().splitlines(), seconds)


def _json(results: Path) -> tuple[list[str], dict[str, str]]:
    """Read what koala_around.django_results has written."""
    content = json.loads(results.read_text())
    return content["ran"], content["failed"]


def _junit(results: Path) -> tuple[list[str], dict[str, str]]:
    ran: list[str] = []
    failed: dict[str, str] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        ran.append(name)
        for problem in [*case.iter("failure"), *case.iter("error")]:
            failed[name] = problem.text or problem.get("message") or ""
    return ran, failed
