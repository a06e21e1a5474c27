"""What single task queues can do besides: retries, callbacks, pipelines, serializers, hooks."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import rq
from arq import Retry as ArqRetry
from django.test import override_settings
from django.utils.module_loading import import_string
from dramatiq import pipeline
from huey import MemoryHuey, crontab
from huey.registry import Message
from huey.serializer import Serializer, SignedSerializer
from rq.job import Job
from segment.analytics.client import Client
from taskiq import InMemoryBroker

import koala_middleware as koala
from koala_middleware.carrier import KEY
from koala_middleware.contrib import taskiq as taskiq_plugin
from tests import queues
from tests.collector import collecting
from tests.queues import TASKS, fail, note, sender
from tests.visitors import ALICE, BOB, profile_ids, track

Events = list[dict[str, Any]]


def opened(kind: Any) -> Any:
    """Return a fixture that gives a queue, and closes it."""

    def fixture() -> Iterator[Any]:
        with closing(kind()) as queue:
            sender[:] = [queue.send]
            yield queue

    return pytest.fixture(fixture)


in_rq = opened(queues.Rq)
in_dramatiq = opened(queues.Dramatiq)
in_huey = opened(queues.Huey)
in_taskiq = opened(queues.Taskiq)
in_arq = opened(queues.Arq)
in_django = opened(queues.DjangoTasks)


def names(events: Events) -> list[str]:
    return [event["event"] for event in events]


# RQ


def on_success(job: Any, connection: Any, result: Any) -> None:
    track("succeeded")


def on_failure(job: Any, connection: Any, *error: Any) -> None:
    track("failed")


def instrument_late() -> None:
    queues.Rq.plugin.instrument()


def test_rq_runs_all_that_belongs_to_a_job_as_its_visitor(in_rq: Any, events: Events) -> None:
    """Its callbacks, its retries, what depends on it, and jobs that are sent at once."""
    with koala.profile(ALICE):
        job = in_rq.send(note, "a", on_success=rq.Callback(on_success))
        in_rq.send(note, "b", depends_on=job)
        in_rq.send(fail, "c", retry=rq.Retry(max=1), on_failure=rq.Callback(on_failure))
        in_rq.queue.enqueue_many([rq.Queue.prepare_data(note, ("d",))])
    in_rq.work()
    assert sorted(names(events)) == ["a", "b", "c", "c", "d", "failed", "failed", "succeeded"]
    assert set(profile_ids(events).values()) == {ALICE}


def test_rq_leaves_the_meta_of_the_caller_alone(in_rq: Any) -> None:
    """Which the next job may have, too."""
    meta = {"tenant": "t"}
    with koala.profile(ALICE):
        job = in_rq.send(note, "a", meta=meta)
    assert meta == {"tenant": "t"}
    assert job.meta.keys() == {"tenant", KEY}
    assert in_rq.send(note, "b", meta=job.meta).meta == meta


def test_rq_job_without_a_worker_sees_its_caller(in_rq: Any, events: Events) -> None:
    queue = rq.Queue(connection=in_rq.connection, is_async=False)
    with koala.profile(ALICE):
        queue.enqueue(note, "a")
        assert koala.get_profile_id() == ALICE
    assert profile_ids(events) == {"a": ALICE}


def call(method: Callable[..., Any], *args: Any) -> None:
    """Call a method of a worker with as many arguments as RQ's versions have it take."""
    method(*args[: len(inspect.signature(method).parameters)])


def test_rq_work_horse_uploads_before_it_ends(in_rq: Any) -> None:
    """By os._exit(), which skips Python's own exit."""
    with collecting() as collector:
        client = Client("key", host=collector.url, upload_interval=60)
        job = in_rq.send(note, "a")
        worker = in_rq.worker()
        worker._is_horse = True
        client.track("u1", "queued")
        call(worker.perform_job, job, in_rq.queue, worker.prepare_execution(job))
        assert names(collector.events) == ["queued"]


def test_rq_handles_a_killed_work_horse_as_the_visitor(in_rq: Any, events: Events) -> None:
    class Watching(rq.Worker):
        def wait_for_horse(self) -> Any:
            return 1, 9, None

        def handle_work_horse_killed(self, *args: Any) -> None:
            track("killed")

    with koala.profile(ALICE):
        job = in_rq.send(note, "a")
    worker = Watching([in_rq.queue], connection=in_rq.connection)
    call(worker.monitor_work_horse, job, in_rq.queue, worker.prepare_execution(job))
    assert profile_ids(events) == {"killed": ALICE}


def test_rq_says_that_it_was_instrumented_too_late(
    in_rq: Any, caplog: pytest.LogCaptureFixture
) -> None:
    in_rq.send(instrument_late)
    in_rq.work()
    assert "import the module in the worker, as rq worker -c does" in caplog.text


def test_rq_meta_that_is_no_dict_is_nobody(in_rq: Any, events: Events) -> None:
    job = in_rq.send(note, "a")
    in_rq.connection.hset(job.key, "meta", job.serializer.dumps(["x"]))
    in_rq.work()
    assert profile_ids(events) == {"a": None}
    assert Job.fetch(job.id, connection=in_rq.connection).is_finished


# Dramatiq


def test_dramatiq_runs_all_that_belongs_to_a_message_as_its_visitor(
    in_dramatiq: Any, events: Events
) -> None:
    """Its callbacks, its retries, the rest of its pipeline, and asynchronous actors."""

    async def note_later(event: str) -> None:
        await asyncio.sleep(0)
        track(event)

    def on_success(message: Any, result: Any) -> None:
        track("succeeded")

    later, succeeded = map(in_dramatiq.actor, (note_later, on_success))
    actor = in_dramatiq.actors[note]
    with koala.profile(ALICE):
        in_dramatiq.send(note, "a", on_success=succeeded, delay=5)
        in_dramatiq.send(fail, "b")
        later.send("c")
        last = actor.message_with_options(args=("e",), pipe_ignore=True)
        steps: Any = pipeline([actor.message("d"), last], broker=in_dramatiq.broker)
        steps.run()
    in_dramatiq.work()
    assert sorted(names(events)) == ["a", "b", "b", "c", "d", "e", "succeeded"]
    assert set(profile_ids(events).values()) == {ALICE}
    assert in_dramatiq.broker.middleware[0] is in_dramatiq.middleware


def test_dramatiq_message_that_is_kept_keeps_no_visitor(in_dramatiq: Any, events: Events) -> None:
    message = in_dramatiq.actors[note].message("a")
    for visitor in (ALICE, BOB):
        with koala.profile(visitor):
            in_dramatiq.broker.enqueue(message)
    in_dramatiq.broker.enqueue(message)
    assert message.options == {}
    in_dramatiq.work()
    assert {event["properties"].get("profile_id") for event in events} == {ALICE, BOB, None}


def test_dramatiq_message_that_is_skipped_leaves_nobody_behind(in_dramatiq: Any) -> None:
    with koala.profile(BOB):
        in_dramatiq.middleware.before_process_message(None, SimpleNamespace(options={}))
        in_dramatiq.middleware.after_skip_message(None, SimpleNamespace(options={}))
        assert koala.current_visitor() is None


# Huey


def test_huey_runs_all_that_belongs_to_a_task_as_its_visitor(in_huey: Any, events: Events) -> None:
    """Its retries, the rest of its pipeline, what handles its error, and what is for later."""
    tasks, huey = in_huey.tasks, in_huey.huey
    failing = huey.task(retries=1, name="failing")(fail)

    on_error = huey.task(name="on_error")(lambda *errors: track("failed"))
    huey.periodic_task(crontab(), name="periodic")(lambda: track("periodic"))
    with koala.profile(ALICE):
        huey.enqueue(failing.s("a").error(on_error))
        huey.enqueue(tasks[note].s("b").then(tasks[note], "c"))
        tasks[note].schedule(("d",), delay=0.001)
    for task in huey.read_periodic(None):
        huey.enqueue(task)
    in_huey.work()
    time.sleep(0.002)
    in_huey.work()
    assert sorted(names(events)) == ["a", "a", "b", "c", "d", "failed", "failed", "periodic"]
    ids = profile_ids(events)
    assert ids.pop("periodic") is None
    assert set(ids.values()) == {ALICE}


@pytest.mark.parametrize(
    "options",
    [
        {"compression": True},
        {"compression": True, "use_zlib": True},
        {"serializer": SignedSerializer("secret", compression=True)},
    ],
)
@pytest.mark.parametrize("is_with_us", [True, False])
def test_huey_serializers_keep_the_visitor(
    is_with_us: bool, options: dict[str, Any], in_huey: Any, events: Events
) -> None:
    """A consumer without us does not see it."""
    in_huey.use(MemoryHuey(**options))
    with koala.profile(ALICE):
        in_huey.send(note, "a")
    if not is_with_us:
        in_huey.plugin.uninstrument()
    in_huey.work()
    assert profile_ids(events) == {"a": ALICE if is_with_us else None}


def test_huey_text_of_a_browser_is_no_visitor(in_huey: Any, events: Events) -> None:
    """That of an argument stands before the end of the message."""
    forged = f'\n{KEY}={{"version":1,"profile_id":"{BOB}"}}'
    with koala.profile(ALICE):
        in_huey.send(note, forged)
    in_huey.send(note, "x" + forged)
    in_huey.work()
    assert profile_ids(events) == {forged: ALICE, "x" + forged: None}


def test_huey_serializer_of_somebody_else_is_left_alone(in_huey: Any, events: Events) -> None:
    class JsonSerializer(Serializer):  # type: ignore[misc]  # Huey has no types
        def _serialize(self, data: Any) -> bytes:
            return json.dumps(data).encode()

        def _deserialize(self, data: bytes) -> Any:
            return Message(*json.loads(data))

    in_huey.use(MemoryHuey(serializer=JsonSerializer(), results=False))
    with koala.profile(ALICE):
        in_huey.send(note, "a")
    in_huey.work()
    assert profile_ids(events) == {"a": None}


def test_huey_immediate_task_sees_its_caller(in_huey: Any, events: Events) -> None:
    in_huey.use(MemoryHuey(immediate=True))
    with koala.profile(ALICE):
        in_huey.send(note, "a")
        assert koala.get_profile_id() == ALICE
    assert profile_ids(events) == {"a": ALICE}


# Taskiq


def test_taskiq_retry_runs_as_the_visitor(in_taskiq: Any, events: Events) -> None:
    with koala.profile(ALICE):
        in_taskiq.send(fail, "a")
    in_taskiq.work()
    assert [event["properties"].get("profile_id") for event in events] == [ALICE, ALICE]


def test_taskiq_label_takes_the_visitor_to_a_scheduler(in_taskiq: Any, events: Events) -> None:
    """Which sends tasks outside any request."""
    labels: dict[str, str] = {}
    with koala.profile(ALICE):
        koala.inject(labels)
    kicker = in_taskiq.tasks[note].kicker().with_labels(**labels)
    asyncio.run(kicker.kiq("a"))
    in_taskiq.work()
    assert profile_ids(events) == {"a": ALICE}


@pytest.mark.parametrize("await_inplace", [True, False])
def test_taskiq_broker_in_memory_runs_a_task_as_its_caller(
    await_inplace: bool, events: Events
) -> None:
    async def main() -> None:
        broker = InMemoryBroker(await_inplace=await_inplace)
        broker.add_middlewares(taskiq_plugin.KoalaMiddleware())
        task: Any = broker.register_task(queues.own(note), task_name="note")
        with koala.profile(ALICE) as visitor:
            await task.kiq("a")
            assert koala.current_visitor() is visitor
        await task.kiq("nobody")
        assert koala.current_visitor() is None
        await broker.wait_all()
        broker.executor.shutdown()

    asyncio.run(main())
    assert profile_ids(events) == {"a": ALICE, "nobody": None}


# arq


def test_arq_retry_runs_as_the_visitor(in_arq: Any, events: Events) -> None:
    def retry(event: str) -> None:
        track(event)
        if len(events) == 1:
            raise ArqRetry

    queues_jobs = (*queues.JOBS, retry)
    with pytest.MonkeyPatch.context() as patch, koala.profile(ALICE):
        patch.setattr(queues, "JOBS", queues_jobs)
        in_arq.send(retry, "a")
        with koala.profile(None):
            in_arq.work()
        assert koala.get_profile_id() == ALICE
    assert [event["properties"].get("profile_id") for event in events] == [ALICE, ALICE]


def test_arq_own_serializers_keep_the_visitor(in_arq: Any, events: Events) -> None:
    def dump(job: Any) -> bytes:
        return json.dumps(job, default=str).encode()

    in_arq.serializers = {"job_serializer": dump, "job_deserializer": json.loads}
    with koala.profile(ALICE):
        in_arq.send(note, "a", _defer_by=0.001)
    in_arq.send(note, "b")
    in_arq.work()
    assert profile_ids(events) == {"a": ALICE, "b": None}


@pytest.mark.parametrize("data", [b"nonsense", b"[]", b'"x"'])
def test_arq_job_that_is_none_fails_as_without_us(
    data: bytes, in_arq: Any, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    def dump(job: Any) -> bytes:
        return data

    in_arq.serializers = {"job_serializer": dump, "job_deserializer": json.loads}
    in_arq.send(note, "a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arq.worker.serialize_result", lambda *args, **kwargs: None)
        in_arq.work()
    assert "deserializing job" in caplog.text
    assert events == []


# Django's tasks


@pytest.mark.parametrize("is_async", [True, False])
def test_django_runs_both_kinds_of_tasks_both_ways(
    is_async: bool, in_django: Any, events: Events
) -> None:
    task = in_django.task(note_in_django if is_async else note)
    with koala.profile(ALICE):
        asyncio.run(task.aenqueue("a"))
    [(task, arguments)] = queues.waiting
    queues.waiting.clear()
    args, kwargs = json.loads(arguments)
    for call in (lambda: task.call(*args, **kwargs), lambda: asyncio.run(call_later())):

        async def call_later() -> None:
            await task.acall(*args, **kwargs)
            await task.acall("direct")

        call()
    assert profile_ids(events) == {"a": ALICE, "direct": None}


@pytest.mark.parametrize("is_async", [True, False])
def test_django_task_is_anything_that_its_backend_calls(
    is_async: bool, in_django: Any, events: Events
) -> None:
    """Huey's backend calls a task's function itself, and would hand it our argument."""
    task = in_django.task(note_in_django if is_async else note)
    assert task.using().func is task.func  # as Huey's backend checks
    with koala.profile(ALICE):
        task.using().enqueue("a")
    [(task, arguments)] = queues.waiting
    queues.waiting.clear()
    args, kwargs = json.loads(arguments)
    for plugin in (in_django.plugin, None):
        if plugin is None:  # the task knows its own function, whoever took ours out
            in_django.plugin.uninstrument()
        coroutine = task.func(*args, **kwargs)
        if is_async:
            asyncio.run(coroutine)
    assert profile_ids(events) == {"a": ALICE}


def test_django_tasks_may_have_no_slots(in_django: Any) -> None:
    """As those of django-tasks before Python 3.11."""

    class Task:
        func = type(vars(type(in_django.task(note)))["func"])(None)

    task = Task()
    task.func = note
    assert task.func.__wrapped__ is note
    assert Task.func is vars(Task)["func"]


class Notes:
    """Callables that are not functions."""

    def note(self, event: str) -> None:
        track(event)

    __call__ = note


@pytest.mark.parametrize("job", [any, Notes().note, Notes()])
def test_django_task_must_be_a_function_with_ours_too(
    job: Any, in_django: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that is more lenient gets the arguments alone: nothing would take ours out."""
    with pytest.raises(Exception, match="defined at a module level"):
        in_django.task(job)
    monkeypatch.setattr(queues.WaitingBackend, "validate_task", lambda backend, task: None)
    with koala.profile(ALICE):
        in_django.task(job).enqueue("a")
    [(task, arguments)] = queues.waiting
    queues.waiting.clear()
    assert task.func == job
    assert json.loads(arguments) == [["a"], {}]


async def note_in_django(event: str) -> None:
    track(event)


@pytest.mark.parametrize("backend", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_django_backend_that_runs_nothing_elsewhere_is_left_alone(
    backend: str, in_django: Any, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An immediate task sees its caller, and a test that looks at a task's arguments sees them."""
    with (
        override_settings(TASKS={"default": {"BACKEND": f"{TASKS}.backends.{backend}"}}),
        koala.profile(ALICE),
    ):
        task = import_string(f"{TASKS}.task")(note)
        monkeypatch.setattr(queues, "note", task)  # where the dummy backend looks for it
        result = task.enqueue("a")
        assert koala.get_profile_id() == ALICE
    assert (result.args, result.kwargs) == (["a"], {})
    assert profile_ids(events) == ({"a": ALICE} if "immediate" in backend else {})
