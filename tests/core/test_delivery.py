"""That what ``track`` took arrives: at exits, in time, and despite the SDK's own faults."""

from __future__ import annotations

import asyncio
import os
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
from segment.analytics.request import APIError

import koala_middleware as koala
from koala_middleware.segment import exits
from koala_middleware.segment.consumers import running_consumers
from koala_middleware.segment.outbox import Outbox, outboxes
from tests.collector import Collector, collecting
from tests.missing import needed

START = """
import sys, koala_middleware as koala
koala.instrument()
import segment.analytics as analytics
analytics.write_key, analytics.host = "key", sys.argv[1]
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def make(collector: Collector) -> Iterator[Callable[..., Any]]:
    """Make clients of the collector, and end their uploads."""
    clients: list[Any] = []

    def make_client(**settings: Any) -> Any:
        clients.append(client := Client("secret key", **{"host": collector.url, **settings}))
        return client

    yield make_client
    for thread in threading.enumerate():
        if isinstance(thread, Consumer) and any(thread.queue is c.queue for c in clients):
            thread.pause()
            if isinstance(thread.queue, Outbox):
                thread.queue.wake()
            threading.Thread.join(thread, 10)  # not for long where it tries again and again


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


# delivering()


def test_delivering_block(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)
    with koala.delivering():
        client.track("u1", "E")
    assert len(collector.events) == 1


def test_delivering_function(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering(seconds=10)
    def handler(event: str) -> str:
        client.track("u1", event)
        return event

    assert handler("E") == "E"
    assert len(collector.events) == 1


def test_delivering_coroutine_function(make: Callable[..., Any], collector: Collector) -> None:
    """Without holding up the loop."""
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering()
    async def handler(event: str) -> str:
        client.track("u1", event)
        return event

    assert asyncio.run(handler("E")) == "E"
    assert len(collector.events) == 1


def test_delivering_when_the_block_raises(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering()
    def fail() -> None:
        client.track("u1", "E")
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        fail()
    assert len(collector.events) == 1


def test_delivering_gives_up_in_time(make: Callable[..., Any]) -> None:
    koala.instrument()
    client = make(host="http://127.0.0.1:1")
    start = time.monotonic()
    with koala.delivering(seconds=0.1):
        client.track("u1", "E")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("seconds", [test_delivering_gives_up_in_time, None, "5", -1])
def test_delivering_refuses_what_is_not_seconds(seconds: Any) -> None:
    """Such as the function that it decorates without parentheses."""
    with pytest.raises((TypeError, ValueError), match="delivering: seconds: expected a number"):
        koala.delivering(seconds)


def test_delivering_refuses_a_generator_function() -> None:
    with pytest.raises(TypeError, match="got a generator"):

        @koala.delivering()
        def body() -> Iterator[int]:
            yield 1


# stats()


def test_stats(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client, other = make(), make(max_queue_size=1, send=False)
    for _ in range(3):
        client.track("u1", "E")
    with koala.delivering():
        pass
    other.send = True  # though nothing uploads
    other.queue.put({}, True)  # as somebody else might
    for _ in range(2):
        assert other.track("u1", "too many")[0] is False
    [found] = [each for each in koala.stats() if each.host == collector.url]
    assert found == koala.ClientStats(
        "secret", collector.url, taken=6, sent=3, dropped={"queue full": 2}, queued=1
    )


def test_waking_takes_no_room_in_the_queue(make: Callable[..., Any]) -> None:
    koala.instrument()
    client = make(max_queue_size=1, send=False)
    client.send = True  # though nothing uploads
    client.queue.wake()
    assert [client.track("u1", "E")[0] for _ in range(2)] == [True, False]


def test_stats_of_what_the_collector_refuses(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    koala.instrument()
    errors: list[Exception] = [APIError(400, "code", "message"), OSError(), Exception("budget")]
    told: list[Exception] = []

    def refuse(*args: object, **kwargs: object) -> None:
        raise errors[len(told)]

    def on_error(error: Exception, batch: list[Any]) -> None:
        told.append(error)
        raise ValueError  # ends the SDK's thread

    monkeypatch.setattr("segment.analytics.consumer.post", refuse)
    client = make(on_error=on_error, max_retries=0)
    for _ in errors:
        with koala.delivering():
            client.track("u1", "E")
    dropped = {"HTTP 400": 1, "OSError": 1, "rate limited": 1}
    [found] = [each for each in koala.stats() if each.host == client.host]
    assert (found.taken, found.sent, found.queued, found.dropped) == (3, 0, 0, dropped)
    assert client.consumers[0].is_alive()


# The SDK's own faults.


def test_client_in_sync_mode_shuts_down(make: Callable[..., Any]) -> None:
    """The SDK raises TypeError: 'NoneType' object is not iterable."""
    client = make(sync_mode=True)
    koala.instrument()
    client.shutdown()


def test_client_knows_all_its_consumers(make: Callable[..., Any]) -> None:
    """The SDK keeps the last one, so that join() leaves the others running."""
    koala.instrument()
    client = make(thread=4)
    assert len(client.consumers) == 4
    client.join()
    assert not [each for each in running_consumers() if each.queue is client.queue]


def test_full_queue_is_said_once(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    koala.instrument()
    client = make(max_queue_size=1, send=False)
    client.send = True
    assert [client.track("u1", "E")[0] for _ in range(3)] == [True, False, False]
    said = [record for record in caplog.records if record.name == "koala_middleware"]
    assert len(said) == 1
    assert "queue of a Segment client is full" in said[0].message


def test_batch_that_is_rate_limited_is_kept_by_a_full_queue(make: Callable[..., Any]) -> None:
    """The SDK drops what the queue has no room for. It comes first again."""
    if not hasattr(Consumer, "_requeue"):
        pytest.skip("older than the rate limit")
    koala.instrument()
    client = make(max_queue_size=1, send=False)
    client.queue.put("new")
    client.consumers[0]._requeue(["a", "b"])
    assert list(client.queue.queue) == ["a", "b", "new"]
    client.consumers[0].queue = SimpleNamespace(put=lambda item, block: None)
    client.consumers[0]._requeue(["a"])


def test_large_batches_while_there_is_much_to_upload(make: Callable[..., Any]) -> None:
    koala.instrument()
    client = make(send=False)
    [consumer] = client.consumers
    assert consumer.upload_size == 100
    client.queue.queue.extend([{}] * 500)
    assert consumer.upload_size == 1000
    consumer.upload_size = 20  # the user's own choice
    assert consumer.upload_size == 20


def test_gevent_queues_between_real_threads(collector: Collector) -> None:
    """From gevent 25.4 on, flush() raises LoopExit there, and events are lost."""
    needed("gevent")
    script = """
import threading, time
def work():
    for i in range(100):
        analytics.track("u1", "E")
        time.sleep(0.0001)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
analytics.flush()
"""
    patch = "from gevent import monkey; monkey.patch_all(thread=False)\n"
    command = [sys.executable, "-W", "ignore", "-c", patch + START + script, collector.url]
    subprocess.run(command, check=True, timeout=60, cwd=Path(sys.executable).parent)
    # By their ids: the SDK uploads again what is answered too slowly.
    assert len({event["messageId"] for event in collector.events}) == 400


def test_gevent_client_that_is_older_than_we_are(collector: Collector) -> None:
    """Its queue is gevent's: it is uploaded at exit, though not counted."""
    needed("gevent")
    script = """
import sys
from gevent import monkey; monkey.patch_all()
from segment.analytics.client import Client
client = Client("key", host=sys.argv[1], on_error=print)
import koala_middleware as koala
koala.instrument()
for i in range(300): client.track("u1", "E")
"""
    command = [sys.executable, "-W", "ignore", "-c", script, collector.url]
    subprocess.run(command, check=True, timeout=60, cwd=Path(sys.executable).parent)
    assert len({event["messageId"] for event in collector.events}) == 300


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_counts_anew(make: Callable[..., Any]) -> None:
    """And does not wait for what its parent has queued."""
    koala.instrument()
    make(upload_interval=60).track("u1", "E")
    assert outboxes()
    pid = os.fork()
    if pid == 0:
        os._exit(len(koala.stats()))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_queue_of_somebody_elses_is_not_counted(make: Callable[..., Any]) -> None:
    koala.instrument()
    client = make(send=False)
    [consumer] = client.consumers
    consumer.queue = Queue()
    consumer.request([{"messageId": "m1"}])
    consumer.on_error(Exception("no"), [{}])
    assert client.queue.settled == 0


def test_init_that_somebody_kept_is_the_sdks_again() -> None:
    koala.instrument()
    kept = Client.__init__
    koala.uninstrument()
    client = object.__new__(Client)
    kept(client, "secret key", send=False)
    assert not isinstance(client.queue, Outbox)
