"""What exits do with what is queued."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from segment.analytics import client as client_module
from segment.analytics.client import Client
from segment.analytics.consumer import Consumer

import koala_middleware as koala
from koala_middleware.segment import exits
from koala_middleware.segment.outbox import Outbox
from tests.collector import START, Collector


def run(script: str, collector: Collector, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", START + script, collector.url]
    folder = Path(sys.executable).parent  # where no checkout comes first on the path
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, cwd=folder)
    print(done.stderr)  # for whoever reads why a test failed
    return done


def test_exit_uploads_what_is_queued(collector: Collector) -> None:
    script = "for i in range(900): analytics.track('u1', str(i))\nsys.exit(3)"
    assert run(script, collector).returncode == 3
    assert {event["event"] for event in collector.events} == set(map(str, range(900)))
    assert len(collector.events) == 900


def test_exit_uploads_what_threads_and_functions_at_exit_track(collector: Collector) -> None:
    run(
        """
import atexit, threading, time
atexit.register(analytics.track, "u1", "at exit")
threading.Thread(target=lambda: (time.sleep(0.3), analytics.track("u1", "thread"))).start()
""",
        collector,
    )
    assert {event["event"] for event in collector.events} == {"at exit", "thread"}


@contextmanager
def no_threads() -> Iterator[None]:
    """Refuse to start threads, as Python 3.12 does at exit."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    names = {"_start_new_thread", "_start_joinable_thread"} & vars(threading).keys()
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(threading, name, refuse)
        yield


def test_client_that_is_made_at_exit_uploads(
    make: Callable[..., Any], collector: Collector
) -> None:
    """The SDK's track raises there. Its flush would wait for a thread that never runs."""
    koala.instrument(flush_seconds=30)
    with no_threads():
        client = make(upload_interval=60)
    for number in range(150):
        client.track("u1", str(number))
    client.flush()
    exits.finish()
    client.shutdown()
    assert [event["event"] for event in collector.events] == list(map(str, range(150)))


def test_client_that_is_made_at_exit_ends_in_time(make: Callable[..., Any]) -> None:
    koala.instrument(flush_seconds=0.1)
    with no_threads():
        client = make(host="http://127.0.0.1:1")
    client.track("u1", "E")
    start = time.monotonic()
    exits.finish()
    assert time.monotonic() - start < 5
    assert not client.queue.sent


def test_client_that_is_made_at_exit_fails_where_the_exit_does_not_upload(
    make: Callable[..., Any],
) -> None:
    koala.instrument(flush_seconds=0)
    with no_threads(), pytest.raises(RuntimeError, match="interpreter shutdown"):
        make()


def test_client_of_somebody_elses_queue_fails_at_exit_as_in_the_sdk() -> None:
    koala.instrument()
    with no_threads(), pytest.raises(RuntimeError, match="interpreter shutdown"):
        Consumer(Queue(), "key").start()


@pytest.mark.parametrize("refused", [False, True])
def test_gevent_resolves_where_no_thread_can_be_started(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise nothing could be uploaded there."""
    config = SimpleNamespace(resolver=SimpleNamespace(__module__="gevent.resolver.thread"))
    hub = SimpleNamespace(resolver=config.resolver)
    start = Mock(side_effect=RuntimeError if refused else None)
    monkey = SimpleNamespace(get_original=lambda module, name: start)
    gevent = SimpleNamespace(config=config, get_hub=lambda: hub)
    monkeypatch.setitem(sys.modules, "gevent", gevent)
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    exits.finish()
    assert (config.resolver == "block") is refused
    assert hasattr(hub, "resolver") is not refused


def test_exit_uploads_for_a_client_that_is_older_than_we_are(collector: Collector) -> None:
    script = """
import sys
from segment.analytics.client import Client
client = Client("key", host=sys.argv[1], upload_interval=60)
import koala_middleware as koala
client.track("u1", "before")
koala.instrument()
client.track("u1", "after")
assert koala.stats()[0].taken == 2
"""
    command = [sys.executable, "-c", script, collector.url]
    subprocess.run(command, check=True, timeout=30, cwd=Path(sys.executable).parent)
    assert [event["event"] for event in collector.events] == ["before", "after"]


def test_exit_ends_in_time_and_says_what_is_lost() -> None:
    """The SDK would retry for as long as the collector is away."""
    script = START + "koala.instrument(flush_seconds=0.5); [analytics.track('u1', 'E')] * 3"
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, "http://127.0.0.1:1"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(sys.executable).parent,
    )
    assert time.monotonic() - start < 15
    assert "1 events could not be uploaded within the 0.5 seconds" in done.stderr


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_exit_of_a_process_of_multiprocessing(
    method: str, collector: Collector, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""{START}
import multiprocessing
def work():
    analytics.track("u1", "child")
if __name__ == "__main__":
    if {method == "fork"}:
        analytics.track("u1", "parent")
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
""")
    command = [sys.executable, "-W", "ignore", str(script), collector.url]
    subprocess.run(command, check=True, timeout=60)
    expected = ["child", "parent"] if method == "fork" else ["child"]
    assert sorted(event["event"] for event in collector.events) == expected


def test_exit_of_a_process_of_multiprocessing_with_a_client_older_than_us(
    collector: Collector, tmp_path: Path
) -> None:
    """As in Dramatiq's workers, which import a site where the client comes first."""
    script = tmp_path / "script.py"
    script.write_text("""
import multiprocessing, sys
def work():
    from segment.analytics.client import Client
    client = Client("key", host=sys.argv[1], upload_interval=60)
    import koala_middleware
    koala_middleware.instrument()
    client.track("u1", "child")
if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
""")
    command = [sys.executable, "-W", "ignore", str(script), collector.url]
    subprocess.run(command, check=True, timeout=60)
    assert [event["event"] for event in collector.events] == ["child"]


def test_multiprocessing_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    process = SimpleNamespace(parent_process=lambda: object())
    util = SimpleNamespace(Finalize=lambda *args, **kwargs: told.append(args))
    monkeypatch.setitem(sys.modules, "multiprocessing.process", process)
    monkeypatch.setitem(sys.modules, "multiprocessing.util", util)
    exits._in_child()
    exits.watch_child()
    exits.watch_child()
    assert told == [(None, exits.finish)]
    exits._in_child()


def test_uvicorn_ends_by_its_signal_after_the_upload(
    make: Callable[..., Any], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/encode/uvicorn/pull/1600: Python's own exit is skipped."""
    koala.instrument()
    server: Any = ModuleType("uvicorn.server")
    server.signal = signal
    exits._watch_uvicorn(server)
    exits._watch_uvicorn(server)
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(
        signal, "raise_signal", lambda number: raised.append((number, len(collector.events)))
    )
    make(upload_interval=60).track("u1", "E")
    server.signal.raise_signal(signal.SIGINT)  # which Python handles
    server.signal.raise_signal(signal.SIGTERM)
    assert raised == [(signal.SIGINT, 0), (signal.SIGTERM, 1)]
    koala.uninstrument()
    assert server.signal is signal


def test_finish_ignores_a_second_sigterm(make: Callable[..., Any], collector: Collector) -> None:
    """Hypercorn terminates the workers that still exit."""
    koala.instrument()
    make().track("u1", "E")
    before = signal.getsignal(signal.SIGTERM)
    assert before is signal.SIG_DFL
    thread = threading.Timer(0.001, signal.raise_signal, [signal.SIGTERM])
    with exits._not_terminated():
        thread.start()
        thread.join()
    in_thread = threading.Thread(target=exits.finish)
    in_thread.start()
    in_thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
    assert collector.events


@pytest.mark.parametrize("seconds", [0, 5])
def test_uninstrument_leaves_exits_to_the_sdk(seconds: float, make: Callable[..., Any]) -> None:
    koala.instrument(flush_seconds=seconds)
    client = make()
    exits.finish()
    assert not client.consumers[0].running
    assert ("join" in vars(client.consumers[0])) is bool(seconds)
    koala.uninstrument()
    assert exits._flush_seconds == 5
    assert not isinstance(Client("key", send=False).queue, Outbox)
    assert client_module.queue.__name__ == "queue"
    assert "on_error" not in vars(Consumer)


def test_flush_seconds_wrong() -> None:
    with pytest.raises(ValueError, match=r"^instrument: flush_seconds: expected a number of sec"):
        koala.instrument(flush_seconds=-1)
