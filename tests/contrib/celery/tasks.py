"""Tasks that track, and requests that send them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import segment.analytics as analytics
from celery import Celery, Task, signals

import koala_middleware as koala
from koala_middleware.wsgi import KoalaMiddleware
from tests.visitors import ALICE, BOB, profile_ids, start_response, track

app = Celery("tests", broker="memory://", backend="cache+memory://", set_as_current=False)
app.conf.broker_transport_options = {"polling_interval": 0.005}


def task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Do what ``app.task`` does, which has no types."""
    return lambda function: app.task(**options)(function)


class RefusedError(Exception):
    """What tasks fail with."""


class Noting(Task):  # type: ignore[misc]  # Celery has no types
    """A base class of tasks whose handlers track, too."""

    def before_start(self, *args: Any) -> None:
        track("before start")

    def on_retry(self, *args: Any) -> None:
        track("on retry")

    def on_failure(self, *args: Any) -> None:
        track("on failure")

    def on_success(self, *args: Any) -> None:
        track("on success")

    def after_return(self, *args: Any) -> None:
        track("after return")


class Calling(Task):  # type: ignore[misc]
    """A base class with a call of its own."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        track("call")
        return self.run(*args, **kwargs)


class CallingSuper(Task):  # type: ignore[misc]
    """A base class with a call of its own that goes on to Celery's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        track("call")
        return super().__call__(*args, **kwargs)


@task()
def note(event: str = "task") -> str | None:
    track(event)
    return koala.get_profile_id()


@task()
def note_result(result: object, event: str = "with result") -> None:
    track(event)


@task()
def spawn() -> None:
    note.delay("child")


@task()
def note_anonymously() -> None:
    analytics.track(event="anonymous")


@task(bind=True, default_retry_delay=0)
def retry_once(self: Any) -> Any:
    track(f"try {self.request.retries}")
    if self.request.retries == 0:
        with koala.profile(BOB):
            raise self.retry()
    return self.request.headers


@task(bind=True, autoretry_for=(RefusedError,), retry_backoff=False, default_retry_delay=0)
def autoretry_once(self: Any) -> None:
    track(f"try {self.request.retries}")
    if self.request.retries == 0:
        raise RefusedError


@task(base=Noting, bind=True, default_retry_delay=0, throws=RefusedError)
def handled(self: Any, outcome: str) -> None:
    track("run")
    if outcome == "retry" and self.request.retries == 0:
        raise self.retry()
    if outcome == "fail":
        raise RefusedError


@task(throws=RefusedError)
def fail() -> None:
    raise RefusedError


@task(bind=True)
def request_headers(self: Any) -> Any:
    return self.request.headers


@task(base=Calling)
def calling() -> None:
    track("run")


@task(base=CallingSuper)
def calling_super() -> None:
    track("run")


class ClassBased(Task):  # type: ignore[misc]
    name = "class based"

    def run(self) -> None:
        track("run")


class_based = app.register_task(ClassBased())


def in_request(call: Callable[[], Any], profile_id: str | None = ALICE, **options: Any) -> Any:
    """Return what ``call`` returns in a web request whose cookie has this id."""
    results = []

    def site(environ: Any, start_response: Any) -> list[bytes]:
        results.append(call())
        start_response("200 OK", [])
        return []

    environ = {} if profile_id is None else {"HTTP_COOKIE": f"ko_id={profile_id}"}
    KoalaMiddleware(site, **options)(environ, start_response)
    return results[0]


def wait_for(events: list[dict[str, Any]], count: int) -> dict[str, str | None]:
    """Return the profile id of each of ``count`` events, by its name."""
    end = time.monotonic() + 10
    while len(events) < count and time.monotonic() < end:
        time.sleep(0.005)
    assert len(events) == count
    return profile_ids(events)


def headers_of(send: Callable[[], Any]) -> dict[str, Any]:
    """Return the headers of the message that ``send`` would send, without Celery's own."""
    messages: list[dict[str, Any]] = []

    def keep(headers: dict[str, Any], **_: object) -> None:
        messages.append(dict(headers))

    signals.before_task_publish.connect(keep, weak=False)
    try:
        send()
    finally:
        signals.before_task_publish.disconnect(keep)
    return {name: messages[0][name] for name in messages[0] if name not in CELERYS_OWN}


CELERYS_OWN = frozenset(app.amqp.as_task_v2("id", "name").headers)
