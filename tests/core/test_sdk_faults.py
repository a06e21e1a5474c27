"""Faults of the SDK's own that would lose events."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from segment.analytics.client import Client
from segment.analytics.consumer import Consumer

import koala_middleware as koala
from koala_middleware.segment.consumers import running_consumers
from koala_middleware.segment.outbox import Outbox, outboxes
from tests.collector import START, Collector
from tests.missing import needed


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
