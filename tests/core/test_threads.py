"""Who is current in a thread that a request starts, whether or not threads inherit contexts."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import anyio.to_thread
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware import threads
from koala_middleware.wsgi import KoalaMiddleware
from tests.processes import ELSEWHERE
from tests.visitors import ALICE, BOB, cookie, profile_ids, start_response, track

INHERITS = bool(getattr(sys.flags, "thread_inherit_context", False))

Work = Callable[[], None]
needs_context_argument = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="threads take a context since Python 3.14"
)


def start_thread(work: Work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def start_thread_of_a_subclass(work: Work) -> None:
    class Worker(threading.Thread):
        def start(self) -> None:
            super().start()

        def run(self) -> None:
            work()

    worker = Worker()
    worker.start()
    worker.join()


def start_raw_thread(work: Work) -> None:
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    _thread.start_new_thread(run, ())
    done.wait()


def start_timer(work: Work) -> None:
    timer = threading.Timer(0, work)
    timer.start()
    timer.join()


def submit_to_pool(work: Work) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def run_in_executor(work: Work) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work)

    asyncio.run(run())


def fail_to_upload(work: Work) -> None:
    """Work in the SDK's own thread."""
    client = Client(
        "key", host="http://127.0.0.1:9", max_retries=0, on_error=lambda error, batch: work()
    )
    client.track("u1", "Signed Up")
    client.join()


@pytest.mark.parametrize(
    "start",
    [
        start_thread,
        start_thread_of_a_subclass,
        start_raw_thread,
        start_timer,
        submit_to_pool,
        run_in_executor,
        fail_to_upload,
    ],
)
def test_visitor_never_reaches_a_thread_by_inheritance(start: Callable[[Work], None]) -> None:
    koala.instrument()
    seen: list[str | None] = []
    with koala.profile(ALICE):
        start(lambda: seen.append(koala.get_profile_id()))
        assert koala.get_profile_id() == ALICE
    assert seen == [None]


def copy_into_thread(work: Work) -> None:
    start_thread(partial(contextvars.copy_context().run, work))


def give_thread_a_context(work: Work) -> None:
    thread: Any = threading.Thread
    started = thread(target=work, context=contextvars.copy_context())
    started.start()
    started.join()


def copy_into_executor(work: Work) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, contextvars.copy_context().run, work)

    asyncio.run(run())


@pytest.mark.parametrize(
    "start",
    [
        copy_into_thread,
        pytest.param(give_thread_a_context, marks=needs_context_argument),
        copy_into_executor,
        pytest.param(lambda work: asyncio.run(asyncio.to_thread(work)), id="asyncio.to_thread"),
        pytest.param(lambda work: anyio.run(anyio.to_thread.run_sync, work), id="anyio.to_thread"),
        pytest.param(lambda work: async_to_sync(sync_to_async(work))(), id="sync_to_async"),
        pytest.param(lambda work: start_thread(koala.carry(work)), id="carry"),
    ],
)
def test_visitor_goes_where_its_context_is_copied_on_purpose(
    start: Callable[[Work], None],
) -> None:
    koala.instrument()
    seen: list[str | None] = []
    with koala.profile(ALICE):
        start(lambda: seen.append(koala.get_profile_id()))
    assert seen == [ALICE]


def test_pool_that_one_request_starts_works_for_no_visitor(events: list[dict[str, Any]]) -> None:
    """Its thread is not the first visitor's for as long as the pool lives (F9)."""
    with ThreadPoolExecutor(1) as pool:

        def app(environ: Any, start_response: Any) -> list[bytes]:
            track(f"view of {environ['PATH_INFO']}")
            pool.submit(track, f"work for {environ['PATH_INFO']}").result()
            return []

        site = KoalaMiddleware(app)
        for name, headers in (("Alice", cookie(ALICE)), ("Bob", cookie(BOB)), ("nobody", {})):
            site({"PATH_INFO": name, "HTTP_COOKIE": headers.get("Cookie", "")}, start_response)
    assert profile_ids(events) == {
        "view of Alice": ALICE,
        "work for Alice": None,
        "view of Bob": BOB,
        "work for Bob": None,
        "view of nobody": None,
        "work for nobody": None,
    }


def test_other_context_variables_are_inherited_as_before() -> None:
    koala.instrument()
    theirs: contextvars.ContextVar[str | None] = contextvars.ContextVar("theirs", default=None)
    theirs.set("theirs")
    seen: list[str | None] = []
    with koala.profile(ALICE):
        start_thread(lambda: seen.append(theirs.get()))
    assert seen == ["theirs" if INHERITS else None]


def test_threads_are_left_alone_where_they_inherit_nothing() -> None:
    start = threading.Thread.start
    koala.instrument()
    assert (threading.Thread.start is start) is not INHERITS


@pytest.fixture
def inherits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have threads taken for some that inherit contexts, on a Python where they do not."""
    flags = SimpleNamespace(thread_inherit_context=True)
    monkeypatch.setattr(threads, "sys", SimpleNamespace(flags=flags))


@pytest.mark.usefixtures("inherits")
def test_uninstrument_gives_threads_their_own_start_back() -> None:
    start = threading.Thread.start
    koala.instrument()
    koala.instrument()
    assert threading.Thread.start.__wrapped__ is start  # type: ignore[attr-defined]
    start_thread(lambda: None)
    koala.uninstrument()
    assert threading.Thread.start is start


@pytest.mark.usefixtures("inherits")
def test_start_that_somebody_has_wrapped_is_passed_on_after_uninstrument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is on top of ours stays, as an error tracker's does, and goes on calling it."""
    starts_as: list[str | None] = []
    monkeypatch.setattr(
        threading.Thread, "start", lambda self: starts_as.append(koala.get_profile_id())
    )
    koala.instrument()
    theirs = threading.Thread.start
    with koala.profile(ALICE):
        theirs(threading.Thread())
        koala.uninstrument()
        theirs(threading.Thread())
    assert starts_as == [None, ALICE]


@needs_context_argument
@pytest.mark.parametrize("flag", [0, 1])
def test_flag_changes_nothing_for_visitors(flag: int) -> None:
    """All of the above, in interpreters whose threads inherit the context, and do not."""
    done = subprocess.run(
        [
            *(sys.executable, "-X", f"thread_inherit_context={flag}"),
            *(str(ELSEWHERE / "pytest"), "-q", "-p", "no:cacheprovider"),
            *(__file__, "-k", "not flag"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
