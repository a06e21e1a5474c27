"""What must hold with every task queue; tests/servers has real brokers and workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import koala_middleware as koala
from koala_middleware import current
from tests.queues import QUEUES, fail, note, sender, spawn
from tests.visitors import ALICE, BOB, profile_ids

Events = list[dict[str, Any]]

WITH_INSTRUMENT = [name for name, queue in QUEUES.items() if hasattr(queue, "plugin")]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a queue of a name, and close what it made."""
    made: list[Any] = []

    def make(name: str, **options: Any) -> Any:
        made.append(QUEUES[name](**options))
        sender[:] = [made[0].send]
        return made[-1]

    yield make
    for queue in made:
        queue.close()


@pytest.fixture(params=QUEUES)
def queue(request: pytest.FixtureRequest, make: Callable[..., Any]) -> Any:
    return make(request.param)


def test_job_runs_as_the_visitor_who_sent_it(queue: Any, events: Events) -> None:
    """So do those that it sends; what was sent outside a request has nobody."""
    with koala.profile(ALICE):
        queue.send(note, "a")
        queue.send(fail, "failing")
        queue.send(spawn, "a")
    queue.send(note, "nobody")
    with koala.profile(BOB):
        queue.send(note, "b")
    with koala.profile(None):
        queue.send(note, "hidden")
    queue.work()
    queue.work()
    expected = {"a": ALICE, "failing": ALICE, "a child": ALICE, "b": BOB}
    assert profile_ids(events) == expected | {"nobody": None, "hidden": None}
    assert current.variable.get() is None


@pytest.mark.parametrize("name", QUEUES)
def test_visitor_is_checked_again(
    name: str, make: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """An id that the worker's own parse refuses is nobody's, and that is logged once."""
    queue = make(name, parse=lambda value: None)
    with koala.profile(ALICE):
        queue.send(note, "a")
        queue.send(note, "b")
    queue.work()
    assert profile_ids(events) == {"a": None, "b": None}
    refused = [r for r in caplog.records if "the visitor of a message was refused" in r.message]
    assert len(refused) == 1


@pytest.mark.parametrize("name", WITH_INSTRUMENT)
def test_job_sent_by_a_process_without_us_runs(name: str, make: Any, events: Events) -> None:
    queue = make(name)
    queue.plugin.uninstrument()
    with koala.profile(ALICE):
        queue.send(note, "a")
    queue.plugin.instrument()
    queue.work()
    assert profile_ids(events) == {"a": None}


@pytest.mark.parametrize("name", [name for name in WITH_INSTRUMENT if name != "django_tasks"])
def test_job_run_by_a_process_without_us_runs(name: str, make: Any, events: Events) -> None:
    queue = make(name)
    with koala.profile(ALICE):
        queue.send(note, "a")
    queue.plugin.uninstrument()
    queue.work()
    assert profile_ids(events) == {"a": None}


@pytest.mark.parametrize("name", WITH_INSTRUMENT)
def test_instrument_twice_is_as_once(name: str) -> None:
    plugin = QUEUES[name].plugin
    plugin.instrument()
    replaced = list(plugin._hooks._patches._replacements)
    plugin.instrument(property_name="visitor")
    assert plugin._hooks._patches._replacements == replaced
    plugin.uninstrument()
    assert plugin._hooks._patches._replacements == []
    for replacement in replaced:
        # Before Python 3.11, django-tasks has no slots: nothing was there.
        if replacement.name != "func" or "func" in vars(replacement.owner):
            assert vars(replacement.owner)[replacement.name] is replacement.original
    plugin.uninstrument()


@pytest.mark.parametrize("name", WITH_INSTRUMENT)
def test_what_wrapped_ours_goes_on_without_us(name: str, make: Any, events: Events) -> None:
    """Other instrumentation may keep calling what it had found there."""
    queue = make(name)
    kept = {
        (replacement.owner, replacement.name): replacement.value
        for replacement in queue.plugin._hooks._patches._replacements
    }
    queue.plugin.uninstrument()
    with pytest.MonkeyPatch.context() as patch:
        for (owner, attribute), value in kept.items():
            patch.setattr(owner, attribute, value, raising=False)
        with koala.profile(ALICE):
            queue.send(note, "a")
        queue.work()
    assert profile_ids(events) == {"a": None}


@pytest.mark.parametrize("name", QUEUES)
def test_wrong_option_is_an_error(name: str, make: Any) -> None:
    with pytest.raises(TypeError, match=r"option property_nam: no such option \(did you mean"):
        make(name, property_nam="visitor")
