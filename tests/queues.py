"""Every task queue that has a plugin, without a server: what sends jobs, and what runs them."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import dramatiq
import rq
from arq.connections import ArqRedis
from arq.worker import Worker as ArqWorker
from django.test import override_settings
from django.utils.module_loading import import_string
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO, Callbacks, Pipelines, Retries
from fakeredis import FakeAsyncRedisConnection, FakeServer, FakeStrictRedis
from huey import MemoryHuey
from redis.asyncio import ConnectionPool
from taskiq import InMemoryBroker, SimpleRetryMiddleware

import koala_middleware as koala
import koala_middleware.contrib.arq
import koala_middleware.contrib.django_tasks
import koala_middleware.contrib.dramatiq
import koala_middleware.contrib.huey
import koala_middleware.contrib.rq
import koala_middleware.contrib.taskiq
from tests.visitors import track

TASKS = "django.tasks" if find_spec("django.tasks") else "django_tasks"
import_module(f"{TASKS}.signals")  # where it hears of other settings


class RefusedError(Exception):
    """What jobs fail with."""


def note(event: str) -> None:
    track(event)


def fail(event: str) -> None:
    track(event)
    raise RefusedError


def spawn(event: str) -> None:
    sender[0](note, f"{event} child")


JOBS = (note, fail, spawn)
sender: list[Callable[..., Any]] = []


class Rq:
    """RQ, with a worker that does not fork."""

    plugin = koala_middleware.contrib.rq

    def __init__(self, **options: Any) -> None:
        self.plugin.instrument(**options)
        self.connection = FakeStrictRedis()
        self.queue = rq.Queue(connection=self.connection)

    def send(self, job: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return self.queue.enqueue(job, *args, **options)

    def worker(self) -> Any:
        return rq.SimpleWorker([self.queue], connection=self.connection)

    def work(self) -> None:
        handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.worker().work(burst=True, logging_level="CRITICAL")
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def close(self) -> None:
        self.plugin.uninstrument()


class Dramatiq:
    """Dramatiq, with its own broker for tests."""

    def __init__(self, **options: Any) -> None:
        self.broker = StubBroker(
            middleware=[
                Callbacks(),
                Pipelines(),
                Retries(max_retries=1, min_backoff=1, max_backoff=1),
                AsyncIO(),
            ]
        )
        self.middleware = koala_middleware.contrib.dramatiq.KoalaMiddleware(**options)
        self.broker.add_middleware(self.middleware)
        self.actors = {job: self.actor(job) for job in JOBS}

    def actor(self, job: Callable[..., Any], **options: Any) -> Any:
        return dramatiq.actor(broker=self.broker, **options)(job)

    def send(self, job: Callable[..., Any], *args: Any, **options: Any) -> None:
        self.actors[job].send_with_options(args=args, **options)

    def work(self) -> None:
        worker = dramatiq.Worker(self.broker, worker_timeout=10, worker_threads=1)
        worker.start()
        self.broker.join("default", fail_fast=False)
        worker.join()
        worker.stop()

    def close(self) -> None:
        self.broker.close()


class Huey:
    """Huey, with its queue in memory."""

    plugin = koala_middleware.contrib.huey

    def __init__(self, **options: Any) -> None:
        self.plugin.instrument(**options)
        self.use(MemoryHuey())

    def use(self, huey: Any) -> None:
        self.huey = huey
        self.tasks = {job: huey.task()(job) for job in JOBS}

    def send(self, job: Callable[..., Any], *args: Any, **options: Any) -> None:
        self.huey.enqueue(self.tasks[job].s(*args, **options))

    def work(self) -> None:
        """Do what the consumer's scheduler and one worker do."""
        for due in self.huey.read_schedule():
            self.huey.enqueue(due)
        while (task := self.huey.dequeue()) is not None:
            self.huey.execute(task)

    def close(self) -> None:
        self.plugin.uninstrument()


class RemoteBroker(InMemoryBroker):
    """A broker whose messages wait until somebody works."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []

    async def kick(self, message: Any) -> None:
        self.messages.append(message.message)

    async def work(self) -> None:
        while self.messages:
            await asyncio.create_task(self.receiver.callback(self.messages.pop(0)))


def own(job: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for Taskiq, which renames what it is given."""

    def work(event: str) -> None:
        job(event)

    return work


class Taskiq:
    """Taskiq, with a task of asyncio for each message, as its workers have."""

    def __init__(self, **options: Any) -> None:
        self.broker = RemoteBroker()
        middleware = koala_middleware.contrib.taskiq.KoalaMiddleware(**options)
        self.broker.add_middlewares(SimpleRetryMiddleware(default_retry_count=2), middleware)
        self.tasks = {
            job: self.broker.register_task(own(job), task_name=job.__name__, retry_on_error=True)
            for job in JOBS
        }

    def send(self, job: Callable[..., Any], *args: Any) -> None:
        task: Any = self.tasks[job]
        kiq = task.kiq(*args)
        with suppress(StopIteration):
            kiq.send(None)  # which this broker never lets wait

    def work(self) -> None:
        asyncio.run(self.broker.work())

    def close(self) -> None:
        self.broker.executor.shutdown()


class Arq:
    """arq, with one worker's asynchronous jobs."""

    plugin = koala_middleware.contrib.arq

    def __init__(self, **options: Any) -> None:
        self.plugin.instrument(**options)
        self.serializers: dict[str, Any] = {}
        self.server = FakeServer()

    def pool(self) -> ArqRedis:
        pool = ConnectionPool(connection_class=FakeAsyncRedisConnection, server=self.server)
        return ArqRedis(pool, **self.serializers)

    def send(self, job: Callable[..., Any], *args: Any, **options: Any) -> None:
        send = self.pool().enqueue_job(job.__name__, *args, **options)
        # A job that sends another has a loop already.
        thread = threading.Thread(target=koala.carry(asyncio.run), args=(send,))
        thread.start()
        thread.join()

    async def _work(self) -> None:
        def coroutine(job: Callable[..., Any]) -> Any:
            async def work(ctx: Any, *args: Any) -> None:
                job(*args)

            work.__qualname__ = job.__name__
            return work

        pool = self.pool()
        worker = ArqWorker(
            [coroutine(job) for job in JOBS],
            redis_pool=pool,
            burst=True,
            handle_signals=False,
            poll_delay=0.001,
            **self.serializers,
        )
        with patch("arq.worker.log_redis_info"):  # by a command that this Redis lacks
            await worker.main()
        await pool.aclose()

    def work(self) -> None:
        asyncio.run(self._work())

    def close(self) -> None:
        self.plugin.uninstrument()


waiting: list[tuple[Any, str]] = []


class WaitingBackend(import_string(f"{TASKS}.backends.base.BaseTaskBackend")):  # type: ignore[misc]
    """A backend of Django's tasks whose tasks wait until somebody works."""

    supports_async_task = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        waiting.append((task, json.dumps([args, kwargs])))


class DjangoTasks:
    """Django's tasks, or those of django-tasks before Django 6.0."""

    plugin = koala_middleware.contrib.django_tasks

    def __init__(self, **options: Any) -> None:
        self.plugin.instrument(**options)
        backend = {"BACKEND": "tests.queues.WaitingBackend"}
        self.settings = override_settings(TASKS={"default": backend})
        self.settings.enable()
        self.task = import_string(f"{TASKS}.task")
        self.tasks = {job: self.task(job) for job in JOBS}

    def send(self, job: Callable[..., Any], *args: Any) -> None:
        self.tasks[job].enqueue(*args)

    def work(self) -> None:
        while waiting:
            task, arguments = waiting.pop(0)
            args, kwargs = json.loads(arguments)
            with suppress(RefusedError):
                task.call(*args, **kwargs)

    def close(self) -> None:
        self.settings.disable()
        self.plugin.uninstrument()


QUEUES: dict[str, Any] = {
    "rq": Rq,
    "dramatiq": Dramatiq,
    "huey": Huey,
    "taskiq": Taskiq,
    "arq": Arq,
    "django_tasks": DjangoTasks,
}
