"""Celery instrumented and given back, and its worker processes when they end."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
from celery import Celery, Task, signals
from celery.app.amqp import AMQP
from celery.worker.request import Request
from segment.analytics.client import Client

from koala_middleware.contrib import celery as plugin
from koala_middleware.contrib.celery import instrument, uninstrument
from tests.collector import collecting
from tests.contrib.celery.tasks import app, headers_of, in_request, note, wait_for
from tests.processes import run_script
from tests.visitors import ALICE, carrier

Events = list[dict[str, Any]]


def test_instrument_instruments_segment() -> None:
    track = Client.track
    instrument()
    assert Client.track is not track
    uninstrument()
    assert Client.track is not track


def test_instrument_twice_is_as_once() -> None:
    before = hooks()
    instrument()
    once = hooks()
    instrument(app)
    instrument()
    assert hooks() == once
    uninstrument()
    assert hooks() == before
    assert not plugin._patches._replacements
    uninstrument()


def hooks() -> list[object]:
    names = ("on_failure", "on_timeout", "revoked", "terminate")
    return [
        vars(AMQP)["send_task_message"],
        vars(Task)["__trace__"],
        *(vars(Request)[name] for name in names),
        len(signals.worker_shutdown.receivers),
        len(signals.worker_process_shutdown.receivers),
    ]


@pytest.mark.usefixtures("worker")
def test_uninstrument_while_a_worker_runs(events: Events) -> None:
    uninstrument()
    in_request(lambda: note.delay("a"))
    assert wait_for(events, 1) == {"a": None}
    instrument()
    in_request(lambda: note.delay("b"))
    assert wait_for(events, 2) == {"a": None, "b": ALICE}


def test_what_wrapped_ours_stays() -> None:
    instrument()
    ours = vars(Request)["on_failure"]

    def theirs(self: Request, *args: Any) -> Any:
        return ours(self, *args)

    Request.on_failure = theirs
    uninstrument()
    assert Request.on_failure is theirs
    Request.on_failure = ours.__wrapped__


def test_only_the_app_that_is_given(events: Events, running_worker: None) -> None:
    other = Celery("other", broker="memory://", set_as_current=False)
    other.conf.task_default_queue = "nobody"
    try:
        instrument(other)
        in_request(lambda: note.delay("a"))
        note.apply_async(("b",), headers=carrier(ALICE))
        assert wait_for(events, 2) == {"a": None, "b": None}
        assert headers_of(lambda: in_request(lambda: other.send_task("task")))
        assert not headers_of(lambda: in_request(lambda: note.delay("c")))
        wait_for(events, 3)
        instrument(app)
        in_request(lambda: note.delay("d"))
        assert wait_for(events, 4)["d"] == ALICE
    finally:
        uninstrument()
        other.close()


def test_sender_may_be_replaced(sender: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the tests of applications do, and as Celery's cached property lets them."""
    sent: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            sender.amqp, "send_task_message", lambda *args, **options: sent.append(options)
        )
        in_request(lambda: sender.send_task("task"))
    assert sent[0]["headers"] == carrier(ALICE)
    del sender.amqp.send_task_message
    assert headers_of(lambda: sender.send_task("task")) == {}


def test_what_was_read_and_put_back_is_as_before(
    sender: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a test does that replaces something for a while: it must not grow each time."""
    ours = sender.amqp.send_task_message
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(sender.amqp, "send_task_message", None)
    assert sender.amqp.send_task_message.args == ours.args
    del sender.amqp.send_task_message


def test_partial_of_somebody_elses_sends_the_visitor(sender: Celery) -> None:
    sender.amqp.send_task_message = partial(sender.amqp.send_task_message.args[-1])
    assert headers_of(lambda: in_request(lambda: sender.send_task("task")))


def test_mocks_stay_what_they_are(sender: Celery) -> None:
    """As Celery's own tests put them there, and ask them about their calls."""
    mock: Any = Mock()
    sender.amqp.send_task_message = mock
    assert sender.amqp.send_task_message is mock
    del sender.amqp.send_task_message
    task = sender.task(name="mocked")(hooks)
    task.__trace__ = mock
    assert task.__trace__ is mock
    del task.__trace__
    assert task.__trace__ is None
    with pytest.raises(AttributeError):
        del task.__trace__


def test_wrong_app_is_an_error() -> None:
    with pytest.raises(TypeError, match="instrument: expected a Celery app or None, got 'tests'"):
        instrument("tests")  # type: ignore[arg-type, unused-ignore]  # with stubs and without


def test_wrong_option_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"option property_nam: no such option \(did you mean"):
        instrument(property_nam="visitor")  # type: ignore[call-arg]
    assert not plugin._options


# A process of the prefork pool that ends uploads what is queued; others do at Python's own exit.


def test_shutdown_uploads_what_is_queued() -> None:
    """The SDK itself joins its thread at exit, and drops the queue."""
    instrument()
    with collecting() as collector:
        client = Client("key", host=collector.url, upload_interval=60)
        client.track("u1", "queued")
        signals.worker_process_shutdown.send(sender=None)
        assert [event["event"] for event in collector.events] == ["queued"]
    uninstrument()


def test_shutdown_does_not_import_the_sdk() -> None:
    run_script(
        "import sys\n"
        "from celery import signals\n"
        "from koala_middleware.contrib.celery import instrument\n"
        "instrument()\n"
        "signals.worker_process_shutdown.send(sender=None)\n"
        "assert not {'segment.analytics', 'analytics'} & sys.modules.keys()\n"
    )
