"""The visitor crosses into Celery's tasks, on a worker and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery import chain, chord, group, signals
from celery.app.trace import trace_task

import koala_middleware as koala
from koala_middleware.contrib.celery import instrument, uninstrument
from koala_middleware.current import call_as
from koala_middleware.visitor import Visitor
from tests.contrib.celery.tasks import (
    app,
    autoretry_once,
    calling,
    calling_super,
    class_based,
    fail,
    handled,
    in_request,
    note,
    note_anonymously,
    note_result,
    retry_once,
    spawn,
    wait_for,
)
from tests.visitors import ALICE, BOB, carrier, profile_ids, track

Events = list[dict[str, Any]]


@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.parametrize(
    ("send", "names"),
    [
        pytest.param(lambda: note.delay(), ["task"], id="delay"),
        pytest.param(lambda: note.apply_async(countdown=0.01), ["task"], id="countdown"),
        pytest.param(lambda: app.send_task(note.name), ["task"], id="by name"),
        pytest.param(lambda: class_based.delay(), ["run"], id="class"),
        pytest.param(lambda: calling.delay(), ["call", "run"], id="own call"),
        pytest.param(lambda: calling_super.delay(), ["call", "run"], id="own call and super"),
        pytest.param(lambda: spawn.delay(), ["child"], id="child"),
        pytest.param(lambda: retry_once.delay(), ["try 0", "try 1"], id="retry"),
        pytest.param(lambda: autoretry_once.delay(), ["try 0", "try 1"], id="autoretry"),
        pytest.param(
            lambda: group(note.s("a"), note.s("b")).delay(),
            ["a", "b"],
            id="group",
        ),
        pytest.param(
            lambda: note.apply_async(("a",), link=note_result.s("b")), ["a", "b"], id="link"
        ),
        pytest.param(
            lambda: fail.apply_async(link_error=note.si("errback")), ["errback"], id="link_error"
        ),
        pytest.param(
            lambda: handled.delay("succeed"),
            ["before start", "run", "on success", "after return"],
            id="handlers of success",
        ),
        pytest.param(
            lambda: handled.delay("fail"),
            ["before start", "run", "on failure", "after return"],
            id="handlers of failure",
        ),
        pytest.param(
            lambda: handled.delay("retry"),
            [
                *("before start", "run", "on retry"),
                *("before start", "run", "on success", "after return"),
            ],
            id="handlers of a retry",
        ),
    ],
)
@pytest.mark.usefixtures("worker")
def test_task_runs_as_the_visitor_of_the_request_that_sent_it(
    send: Callable[[], Any],
    names: list[str],
    protocol: int,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.amqp, "create_task_message", app.amqp.task_protocols[protocol])
    in_request(send)
    assert wait_for(events, len(names)) == dict.fromkeys(names, ALICE)


@pytest.mark.parametrize(
    ("send", "names"),
    [
        pytest.param(
            lambda: chain(note.si("a"), note.si("b"), note.si("c")).delay(), "abc", id="chain"
        ),
        pytest.param(lambda: chord([note.s("a"), note.s("b")])(note.si("c")), "abc", id="chord"),
        pytest.param(
            lambda: chain(group(note.s("a"), note.s("b")), note.si("c")).delay(),
            "abc",
            id="group in a chain",
        ),
    ],
)
@pytest.mark.usefixtures("worker")
def test_what_follows_a_task_runs_as_its_visitor(
    send: Callable[[], Any], names: str, events: Events
) -> None:
    """Protocol 1 has no chains."""
    in_request(send)
    assert wait_for(events, len(names)) == dict.fromkeys(names, ALICE)


@pytest.mark.usefixtures("worker")
def test_anonymous_id_crosses(events: Events) -> None:
    visitor = Visitor(ALICE, "anonymous-1")
    call_as(visitor, note_anonymously.delay)
    wait_for(events, 1)
    assert events[0]["anonymousId"] == "anonymous-1"
    assert events[0]["properties"] == {"profile_id": ALICE}


@pytest.mark.usefixtures("worker")
def test_task_sent_outside_a_request_has_nobody(events: Events) -> None:
    """The worker has just run another's task in the same thread."""
    in_request(lambda: note.delay("a"))
    note.delay("b")
    in_request(lambda: note.delay("c"), None)
    with koala.profile(ALICE), koala.profile(None):
        note.delay("d")
    in_request(lambda: note.delay("e"), BOB)
    expected = {"a": ALICE, "b": None, "c": None, "d": None, "e": BOB}
    assert wait_for(events, 5) == expected


@pytest.mark.usefixtures("worker")
def test_a_failed_task_leaves_nobody_behind(events: Events) -> None:
    in_request(fail.delay)
    note.delay()
    assert wait_for(events, 1) == {"task": None}


@pytest.mark.usefixtures("worker")
def test_visitor_has_the_properties_name_of_the_worker(events: Events) -> None:
    instrument(property_name="visitor")
    in_request(note.delay)
    wait_for(events, 1)
    assert events[0]["properties"] == {"visitor": ALICE}


@pytest.mark.usefixtures("worker")
def test_what_the_worker_does_itself_is_done_as_the_visitor(events: Events) -> None:
    """An expired task never runs, but its handlers do."""

    def on_revoked(**_: object) -> None:
        track("revoked")

    signals.task_revoked.connect(on_revoked)
    try:
        in_request(lambda: note.apply_async(expires=-9))
        assert wait_for(events, 1) == {"revoked": ALICE}
    finally:
        signals.task_revoked.disconnect(on_revoked)


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
@pytest.mark.parametrize("sender", [ALICE, None])
def test_who_was_current_in_the_worker_is_restored(
    sender: str | None, outcome: str, events: Events
) -> None:
    """And is not taken for the one who sent a task that nobody sent."""
    instrument()
    message = {"id": "1"} | carrier(sender)
    with koala.profile(BOB):
        trace_task(handled, "1", (outcome,), {}, message, app=app)
        assert koala.get_profile_id() == BOB
    uninstrument()
    assert set(profile_ids(events).values()) == {sender}


# Eager tasks, and calls that Celery has no part in.


@pytest.mark.parametrize(
    ("call", "count"),
    [
        pytest.param(lambda: note.apply(), 1, id="apply"),
        pytest.param(lambda: note.delay(), 1, id="delay"),
        pytest.param(lambda: note(), 1, id="call"),
        pytest.param(lambda: calling_super(), 2, id="own call"),
        pytest.param(lambda: retry_once.delay(), 2, id="retry"),
        pytest.param(lambda: handled.delay("fail"), 4, id="failure"),
        pytest.param(lambda: fail.apply(link_error=note.si()), 1, id="link_error"),
        pytest.param(lambda: chain(note.si("a"), note.si("b")).delay(), 2, id="chain"),
        pytest.param(lambda: chord([note.s(), note.s()])(note.si("b")), 3, id="chord"),
    ],
)
@pytest.mark.usefixtures("eager")
def test_eager_task_sees_its_callers_visitor_and_leaves_it_current(
    call: Callable[[], Any], count: int, events: Events
) -> None:
    """https://github.com/openedx/edx-platform/pull/31261, and django-guid's Celery integration"""

    def view() -> str | None:
        call()
        return koala.get_profile_id()

    assert in_request(view) == ALICE
    assert [event["properties"]["profile_id"] for event in events[:1]] == [ALICE]
    assert len(events) == count
