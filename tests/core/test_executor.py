"""Threads and pools that keep the visitor: ``Executor`` and ``instrument(threads=True)``."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import logging.handlers
import multiprocessing.dummy
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace
from typing import Any

import pytest

import koala_middleware as koala
from koala_middleware import patching, threads
from koala_middleware.wsgi import KoalaMiddleware
from tests.core.test_threads import (
    INHERITS,
    copy_into_executor,
    fail_to_upload,
    give_thread_a_context,
    needs_context_argument,
    run_in_executor,
    start_thread,
    start_thread_of_a_subclass,
    start_timer,
    submit_to_pool,
)
from tests.visitors import ALICE, BOB, start_response

Work = Callable[[], None]


def submit_to_ours(work: Work) -> None:
    with koala.Executor(1) as pool:
        pool.submit(work).result()


def map_with_ours(work: Work) -> None:
    with koala.Executor(1) as pool:
        list(pool.map(lambda _: work(), [1]))


def run_in_ours(work: Work) -> None:
    async def run() -> None:
        with koala.Executor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, work)

    asyncio.run(run())


def seen_in(way: Callable[[Work], None]) -> list[str | None]:
    """Return who is current in work that is handed on while Alice is."""
    seen: list[str | None] = []
    with koala.profile(ALICE):
        way(lambda: seen.append(koala.get_profile_id()))
        assert koala.get_profile_id() == ALICE
    return seen


@pytest.mark.parametrize("way", [submit_to_ours, map_with_ours, run_in_ours])
@pytest.mark.parametrize("patched", [False, True])
def test_executor_carries_the_visitor(way: Callable[[Work], None], patched: bool) -> None:
    koala.instrument(threads=patched)
    assert seen_in(way) == [ALICE]


def start_dummy_process(work: Work) -> None:
    process = multiprocessing.dummy.Process(target=work)
    process.start()
    process.join()


@pytest.mark.parametrize(
    "way",
    [
        start_thread,
        start_thread_of_a_subclass,
        start_timer,
        start_dummy_process,
        submit_to_pool,
        run_in_executor,
        copy_into_executor,
        pytest.param(give_thread_a_context, marks=needs_context_argument),
        pytest.param(lambda work: asyncio.run(asyncio.to_thread(work)), id="asyncio.to_thread"),
    ],
)
def test_threads_carry_the_visitor(way: Callable[[Work], None]) -> None:
    koala.instrument(threads=True)
    assert seen_in(way) == [ALICE]


@needs_context_argument
def test_context_that_a_thread_is_given_wins() -> None:
    koala.instrument(threads=True)
    with koala.profile(BOB):
        context = contextvars.copy_context()
    thread: Any = threading.Thread

    def way(work: Work) -> None:
        started = thread(target=work, context=context)
        started.start()
        started.join()

    assert seen_in(way) == [BOB]


def test_thread_with_a_context_is_left_to_it() -> None:
    """Where older Pythons have none, the attribute stands for it."""
    koala.instrument(threads=True)

    def way(work: Work) -> None:
        thread: Any = threading.Thread(target=work)
        thread._context = contextvars.Context()
        thread.start()
        thread.join()

    assert seen_in(way) == [None]


def call_back_from_pool(work: Work) -> None:
    """Work in the threads of multiprocessing's pool, which all of the process uses."""
    with ThreadPool(1) as pool:
        pool.apply(work)
        done = threading.Event()

        def call_back(_: object) -> None:
            work()
            done.set()

        pool.apply_async(int, callback=call_back)
        done.wait()


def listen_to_logs(work: Work) -> None:
    """Work in the thread that handles everybody's log records."""
    records: queue.Queue[Any] = queue.Queue()
    handler = logging.Handler()
    handler.emit = lambda record: work()  # type: ignore[method-assign]
    listener = logging.handlers.QueueListener(records, handler)
    listener.start()
    records.put(logging.makeLogRecord({}))
    listener.stop()


def initialize_pool(work: Work) -> None:
    with ThreadPoolExecutor(1, initializer=work) as pool:
        pool.submit(int).result()


def initialize_ours(work: Work) -> None:
    with koala.Executor(1, initializer=work) as pool:
        pool.submit(int).result()


@pytest.mark.parametrize(
    "way", [call_back_from_pool, listen_to_logs, initialize_pool, initialize_ours, fail_to_upload]
)
def test_threads_that_work_for_everybody_have_nobody(way: Callable[[Work], None]) -> None:
    """They outlive the request in which they happen to be started."""
    koala.instrument(threads=True)
    assert set(seen_in(way)) == {None}


@pytest.mark.parametrize("kind", [koala.Executor, ThreadPoolExecutor])
def test_pool_works_for_the_visitor_of_each_submit(kind: type[ThreadPoolExecutor]) -> None:
    """For one task, in a thread that several requests share."""
    seen: list[str | None] = []
    with kind(1) as pool:

        def app(environ: Any, start_response: Any) -> list[bytes]:
            pool.submit(lambda: seen.append(koala.get_profile_id())).result()
            return []

        site = KoalaMiddleware(app, threads=True)
        for cookie in (f"ko_id={ALICE}", f"ko_id={BOB}", ""):
            site({"HTTP_COOKIE": cookie}, start_response)
        pool.submit(lambda: seen.append(koala.get_profile_id())).result()
    assert seen == [ALICE, BOB, None, None]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="map() has a buffer since Python 3.14")
@pytest.mark.parametrize("kind", [koala.Executor, ThreadPoolExecutor])
def test_map_is_its_callers_whoever_reads_its_results(kind: type[ThreadPoolExecutor]) -> None:
    koala.instrument(threads=True)
    with kind(1) as pool:
        with koala.profile(ALICE):
            results: Any = pool.map(lambda _: koala.get_profile_id(), range(5), **{"buffersize": 2})
        with koala.profile(BOB):
            assert list(results) == [ALICE] * 5


@pytest.fixture
def visitor() -> Iterator[koala.Visitor]:
    with koala.profile(ALICE) as visitor:
        yield visitor


@pytest.mark.usefixtures("visitor")
def test_pool_raises_what_the_work_raises() -> None:
    koala.instrument(threads=True)
    for kind in (koala.Executor, ThreadPoolExecutor):
        with kind(1) as pool, pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result()


def test_thread_that_has_ended_keeps_no_visitor() -> None:
    koala.instrument(threads=True)
    with koala.profile(ALICE):
        thread = threading.Thread(target=int)
        thread.start()
    thread.join()
    assert "run" not in vars(thread)


@pytest.mark.parametrize("kind", [threading.Thread, type("Own", (threading.Thread,), {})])
def test_thread_that_an_error_tracker_wraps(
    kind: type[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentry calls the function of the ``run`` that it finds, with the thread.

    https://github.com/getsentry/sentry-python/blob/2.75.0/sentry_sdk/integrations/threading.py
    """
    start = threading.Thread.start

    def start_wrapped(self: Any) -> None:
        run = getattr(self.run, "__func__", self.run)
        self.run = lambda: run(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_wrapped)
    koala.instrument(threads=True)

    def way(work: Work) -> None:
        thread = kind(target=work)
        thread.start()
        thread.join()

    assert seen_in(way) == [ALICE]
    koala.uninstrument()


def test_thread_that_cannot_carry_runs_as_nobody(caplog: pytest.LogCaptureFixture) -> None:
    koala.instrument(threads=True)

    class Fixed(threading.Thread):
        """A thread whose run() cannot be replaced."""

        @property
        def run(self) -> Any:
            return super().run

    class Proxy:
        """A target like Werkzeug's proxies, which may have nothing to ask."""

        def __init__(self, work: Work) -> None:
            self._work = work

        def __call__(self) -> None:
            self._work()

        @property
        def __module__(self) -> str:  # type: ignore[override]
            raise RuntimeError("working outside of application context")

    def start(thread: threading.Thread) -> None:
        thread.start()
        thread.join()

    assert seen_in(lambda work: start(Fixed(target=work))) == [None]
    assert seen_in(lambda work: start(threading.Thread(target=Proxy(work)))) == [None]
    assert caplog.text.count("a thread runs without its starter's visitor") == 2
    assert not any(isinstance(each.owner, threading.Thread) for each in patching._standing)


@pytest.mark.usefixtures("visitor")
def test_thread_that_cannot_start_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        koala.instrument(threads=True)
        thread = threading.Thread(target=int)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()
        assert "run" not in vars(thread)
        koala.uninstrument()


@pytest.mark.usefixtures("visitor")
def test_uninstrument_gives_back_threads_and_pools() -> None:
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    koala.instrument(threads=True)
    koala.instrument()
    theirs = threading.Thread.start, ThreadPoolExecutor.submit  # what somebody has wrapped
    assert theirs != (start, submit)
    koala.uninstrument()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(koala.get_profile_id()))
    theirs[0](thread)
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        theirs[1](pool, lambda: seen.append(koala.get_profile_id())).result()
    assert seen == [ALICE if INHERITS else None] * 2


def test_pool_of_interpreters_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work is pickled, and runs where no variable of ours is (Python 3.14)."""
    given: list[Any] = []

    class InterpreterPoolExecutor(ThreadPoolExecutor):
        pass

    module = SimpleNamespace(InterpreterPoolExecutor=InterpreterPoolExecutor)
    modules = {"concurrent.futures.interpreter": module}
    monkeypatch.setattr(threads, "sys", SimpleNamespace(modules=modules, flags=None))
    monkeypatch.setattr(ThreadPoolExecutor, "submit", lambda self, *call: given.append(call))
    koala.instrument(threads=True)
    InterpreterPoolExecutor(1).submit(int)
    ThreadPoolExecutor(1).submit(int)
    koala.uninstrument()
    (in_interpreter,), (in_thread,) = given
    assert in_interpreter is int
    assert in_thread.args == (None, int)


def test_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Exekutor'"):
        koala.Exekutor  # type: ignore[attr-defined]  # noqa: B018


@needs_context_argument
def test_executor_threads_inherit_nothing() -> None:
    """Also where threads inherit the context, and nothing is instrumented."""
    code = """
from koala_middleware import Executor, get_profile_id, profile
seen = []
with profile("a"), Executor(1, initializer=lambda: seen.append(get_profile_id())) as pool:
    seen.append(pool.submit(get_profile_id).result())
assert seen == [None, "a"], seen
"""
    interpreter = [sys.executable, "-X", "thread_inherit_context=1"]
    subprocess.run([*interpreter, "-c", code], check=True, timeout=60)
