"""How the uploads of a client are restarted, in this process.

uWSGI forks behind Python's back: there the parent's threads look alive, as all do here, so what its
hook calls may be called here. Real forks are in test_forks.py, a real uWSGI is in test_found.py.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from segment.analytics import request
from segment.analytics.client import Client
from segment.analytics.consumer import Consumer

import koala_middleware as koala
from koala_middleware.segment import uploads as restarts
from tests.clients import Queueing, Tracking
from tests.collector import collecting
from tests.visitors import ALICE


@pytest.fixture
def uwsgi(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for uWSGI's module."""
    monkeypatch.setattr(restarts, "_fork", None)
    monkeypatch.setitem(sys.modules, "uwsgi", module := ModuleType("uwsgi"))
    return module


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Make clients that upload to a collector, with the consumers they begin with."""
    with collecting() as collector:
        clients: list[Any] = []
        consumers: list[Any] = []

        def make(**settings: Any) -> Any:
            client = Client("key", host=collector.url, **settings)
            client.collector = collector
            clients.append(client)
            consumers.extend(client.consumers or ())
            return client

        yield make
        for client in clients:
            consumers.extend(client.consumers or ())
        for consumer in consumers:
            consumer.pause()
            if consumer.ident is not None:
                consumer.join()


def test_nobody_is_current_after_a_fork_of_uwsgi(uwsgi: Any) -> None:
    koala.instrument()
    with koala.profile(ALICE):
        uwsgi.post_fork_hook()
        assert koala.current_visitor() is None
    with koala.profile(ALICE) as visitor:
        koala.bind(plan="team")
    assert visitor.bound == {"plan": "team"}


def test_a_class_of_one_s_own_is_reason_enough_to_watch_uwsgi(uwsgi: Any) -> None:
    koala.instrument(Tracking)
    with koala.profile(ALICE):
        uwsgi.post_fork_hook()
        assert koala.current_visitor() is None


def test_uwsgi_s_decorators_that_came_earlier_are_called_after_us(
    uwsgi: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uwsgidecorators", ModuleType("uwsgidecorators"))
    called: list[str | None] = []
    uwsgi.post_fork_hook = lambda: called.append(koala.get_profile_id())
    koala.instrument()
    with koala.profile(ALICE):
        uwsgi.post_fork_hook()
    assert called == [None]


def test_uwsgis_hook_of_the_applications_is_called_once(uwsgi: Any) -> None:
    called: list[str | None] = []
    uwsgi.post_fork_hook = lambda: called.append(koala.get_profile_id())
    koala.instrument()
    hook = uwsgi.post_fork_hook
    koala.instrument()
    assert uwsgi.post_fork_hook is hook
    with koala.profile(ALICE):
        hook()
    assert called == [None]


SETTINGS = {"gzip": True, "upload_size": 7, "upload_interval": 0.2, "max_queue_size": 33}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.track("u1", "E"), id="track"),
        pytest.param(lambda client: client.flush(), id="flush"),
    ],
)
def test_uploads_are_restarted_once(uwsgi: Any, uploads: Any, call: Any) -> None:
    client = uploads(**SETTINGS)
    before, queue = client.consumers, client.queue
    koala.instrument()
    uwsgi.post_fork_hook()
    call(client)
    (consumer,) = after = client.consumers
    client.track("u1", "F")
    client.flush()
    assert client.collector.wait_for(1)[-1]["event"] == "F"
    assert client.consumers is after
    assert before[0] not in after
    assert consumer.is_alive()
    assert consumer.queue is client.queue is not queue
    assert client.queue.maxsize == 33
    assert (consumer.gzip, consumer.upload_size, consumer.upload_interval) == (True, 7, 0.2)


@pytest.mark.parametrize(("told", "restarted"), [(None, True), (True, True), (False, False)])
def test_uploads_are_restarted_unless_told_not_to(
    uwsgi: Any, uploads: Any, told: bool | None, restarted: bool
) -> None:
    client = uploads()
    before = client.consumers
    koala.instrument(restart_after_fork=told)
    koala.instrument()
    uwsgi.post_fork_hook()
    client.flush()
    assert (client.consumers is not before) is restarted


def test_second_fork_restarts_the_uploads_again(uwsgi: Any, uploads: Any) -> None:
    client = uploads()
    koala.instrument()
    seen = [client.consumers]
    for _ in range(2):
        uwsgi.post_fork_hook()
        client.flush()
        seen.append(client.consumers)
        seen[-2][0].pause()
    assert not hasattr(Client._enqueue.__wrapped__, "__wrapped__")
    assert len({id(consumers) for consumers in seen}) == 3
    koala.uninstrument()
    assert not hasattr(Client._enqueue, "__wrapped__")
    assert not hasattr(Client.flush, "__wrapped__")


@pytest.mark.parametrize("settings", [{"send": False}, {"sync_mode": True}])
def test_uploads_that_never_began_are_not_restarted(
    uwsgi: Any, uploads: Any, settings: dict[str, Any]
) -> None:
    client = uploads(**settings)
    consumers = client.consumers
    koala.instrument()
    uwsgi.post_fork_hook()
    assert client.track("u1", "E")[0]
    assert client.consumers is consumers


def test_uploads_that_have_ended_are_not_restarted(uwsgi: Any, uploads: Any) -> None:
    client = uploads()
    consumers = client.consumers
    client.join()
    koala.instrument()
    uwsgi.post_fork_hook()
    client.track("u1", "E")
    assert client.consumers is consumers


def test_client_that_does_not_upload_by_itself(uwsgi: Any) -> None:
    koala.instrument()
    koala.instrument(Tracking)
    uwsgi.post_fork_hook()
    assert Tracking().track("u1", "E") == "E"


def test_connections_are_others_with_the_same_settings(uwsgi: Any, uploads: Any) -> None:
    """Two processes that read answers from one connection would take each other's."""
    koala.instrument()
    adapters = [*request._session.adapters.values()]
    before = [{**vars(adapter)} for adapter in adapters]
    uwsgi.post_fork_hook()
    uploads().flush()
    assert [*request._session.adapters.values()] == adapters
    for adapter, then in zip(adapters, before, strict=True):
        now = {**vars(adapter)}
        assert now.pop("poolmanager") is not then.pop("poolmanager")
        assert now == then


def test_threads_that_come_at_once_restart_the_uploads_once(
    uwsgi: Any, uploads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that one of them queues for the uploads of another would be lost."""
    client = uploads(send=False)
    client.send = True
    started: list[Consumer] = []

    def start(consumer: Consumer) -> None:
        time.sleep(0.05)  # for other threads to come between
        started.append(consumer)

    monkeypatch.setattr(Consumer, "start", start)
    koala.instrument()
    uwsgi.post_fork_hook()
    barrier = threading.Barrier(8)

    def track() -> None:
        barrier.wait()
        client.track("u1", "E")

    threads = [threading.Thread(target=track) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started == client.consumers
    assert client.queue.qsize() == 8


def test_uploads_of_ones_own_make_keep_what_they_were_given(uwsgi: Any, uploads: Any) -> None:
    class Ours(Consumer):  # type: ignore[misc]  # the SDK has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.color = "red"

    client = uploads(send=False)
    client.send = True
    client.consumers = [Ours(client.queue, "key", host=client.host, upload_size=7)]
    koala.instrument()
    uwsgi.post_fork_hook()
    client.track("u1", "E")
    client.flush()
    (consumer,) = client.consumers
    assert (type(consumer), consumer.color, consumer.upload_size) == (Ours, "red", 7)
    assert client.collector.wait_for(1)


def test_class_instrumented_after_a_fork_of_uwsgi(uwsgi: Any, uploads: Any) -> None:
    client = uploads()
    before = client.consumers
    koala.instrument()
    koala.uninstrument()
    uwsgi.post_fork_hook()
    assert not hasattr(Client._enqueue, "__wrapped__")
    koala.instrument()
    client.track("u1", "E")
    client.flush()
    assert client.consumers is not before
    assert client.collector.wait_for(1)


def test_clients_that_are_unlike_the_sdks_are_left_alone(
    uwsgi: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Plain(Queueing):
        def _enqueue(self, message: Any) -> Any:
            return message

    koala.instrument(Plain)
    uwsgi.post_fork_hook()
    assert Plain().track("u1", "E") == {"event": "E"}
    assert not caplog.messages


def test_fault_of_a_restart_is_logged_once(
    uwsgi: Any, uploads: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = uploads()
    koala.instrument()
    uwsgi.post_fork_hook()
    client.consumers = 5
    assert client.track("u1", "E")[0]
    client.consumers = []
    (message,) = caplog.messages
    expected = "the uploads of a client did not survive a fork: TypeError"
    assert message.split("\n")[0] == expected
