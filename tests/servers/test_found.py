"""What the storm found, each in its smallest form."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import koala_middleware as koala
from koala_middleware.contrib.starlette import KoalaMiddleware
from tests.storm.processes import running_collector, running_server
from tests.storm.servers import SERVERS, WITHOUT_WHEELS, WSGI
from tests.visitors import ALICE, BOB, profile_ids, track


def post(url: str, seconds: float = 5) -> int:
    """Return the status of the answer, 0 for none."""
    try:
        with urllib.request.urlopen(url, b"", timeout=seconds) as response:
            response.read()
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


UWSGI = SERVERS["uwsgi"]
MAY_SKIP = "CI" not in os.environ or bool(WITHOUT_WHEELS)  # CI installs all that there are
needs_uwsgi = pytest.mark.skipif(
    MAY_SKIP and bool(UWSGI.missing()), reason="uWSGI is not installed"
)
needs_daphne = pytest.mark.skipif(
    MAY_SKIP and bool(SERVERS["daphne"].missing()), reason="Daphne is not installed"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return what the storm's applications serve as their file."""
    file = tmp_path / "file"
    file.touch()
    return file


@needs_uwsgi
@pytest.mark.parametrize("late", ["", "import uwsgidecorators"])
def test_workers_of_uwsgi_send_their_events(tmp_path: Path, file: Path, late: str) -> None:
    """Without --py-call-osafterfork uWSGI forks without telling Python, so that no hook runs.

    It calls post_fork_hook, which uwsgidecorators sets anew where it is imported after us.
    https://uwsgi-docs.readthedocs.io/en/latest/Options.html#py-call-osafterfork
    """
    site = f"from {WSGI.replace(':', ' import ')}\n{late}\n"
    (tmp_path / "site_of_uwsgi.py").write_text(site)
    module = " --pythonpath . --module site_of_uwsgi:application --pyargv"
    server = replace(UWSGI, command=UWSGI.command.replace(" --module", module))
    with (
        running_collector() as collector,
        running_server(server, collector, file, tmp_path) as url,
    ):
        assert post(f"{url}/bare/plain/1") == 200
        deadline = time.monotonic() + 10
        events: list[dict[str, Any]] = []
        while len(events) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            with urllib.request.urlopen(f"{collector}/events/0") as response:
                events = json.load(response)
    assert sorted(event["event"] for event in events) == ["before fork", "view"]


@needs_uwsgi
@pytest.mark.xfail(
    sys.version_info >= (3, 13),
    strict=True,
    reason="pyuwsgi 2.0.30 on Python 3.13: with --py-call-osafterfork each worker aborts in "
    "PyOS_AfterFork_Child ('unlocking a recursive mutex that is not owned by the current thread')",
)
def test_uwsgi_tells_python_of_its_forks(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.storm.processes.START_SECONDS", 20)
    command = UWSGI.command.replace(" --master", " --master --py-call-osafterfork")
    server = replace(UWSGI, command=command)
    with (
        running_collector() as collector,
        running_server(server, collector, file, tmp_path) as url,
    ):
        assert post(f"{url}/bare/plain/1") == 200


@needs_daphne
@pytest.mark.xfail(
    strict=True,
    reason="Daphne 4.2: where a body breaks after its start, application_checker() tries to answer "
    "with a 500, raises 'HTTP response has already been started' itself and is not scheduled "
    "again; from then on the process answers no request whose application raises",
)
def test_daphne_answers_failures_after_a_broken_body(tmp_path: Path, file: Path) -> None:
    with (
        running_collector() as collector,
        running_server(SERVERS["daphne"], collector, file, tmp_path) as url,
    ):
        assert post(f"{url}/bare/fails/1") == 500
        post(f"{url}/bare/breaks/2", seconds=2)
        assert post(f"{url}/bare/fails/3") == 500


@pytest.mark.xfail(
    strict=True,
    reason="Starlette does not close the body of a client that hung up; Python's garbage collector "
    "does, in the context that happens to be current (PEP 525), with any context variable",
)
def test_generator_that_is_given_up_ends_as_its_own_visitor(events: list[dict[str, Any]]) -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            yield b"second"
        finally:
            track("end")

    async def view(request: Request) -> StreamingResponse:
        return StreamingResponse(chunks())

    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(KoalaMiddleware)
    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.4"},
        "method": "GET",
        "path": "/",
        "headers": [(b"cookie", f"ko_id={ALICE}".encode())],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            raise OSError("hung up")

    async def hang_up() -> Exception | None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            return error
        return None

    async def serve() -> None:
        error = await hang_up()  # whose traceback has the generator
        with koala.profile(BOB):
            del error
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(serve())
    assert profile_ids(events) == {"end": ALICE}
