"""Celery, in this process with its in-memory broker. Real workers are in tests/servers/storms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import segment.analytics as analytics
from celery import Celery, Task, chain, chord, group, signals
from celery.app.amqp import AMQP
from celery.app.trace import trace_task
from celery.contrib.testing.worker import start_worker
from celery.worker.request import Request
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.carrier import read_visitor
from koala_middleware.contrib import celery as plugin
from koala_middleware.contrib.celery import instrument, uninstrument
from koala_middleware.current import call_as
from koala_middleware.visitor import Visitor
from koala_middleware.wsgi import KoalaMiddleware
from tests.collector import collecting
from tests.processes import run_script
from tests.visitors import ALICE, BOB, carrier, profile_ids, start_response, track

Events = list[dict[str, Any]]

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


@pytest.fixture(scope="module")
def running_worker() -> Iterator[None]:
    """Run a worker in a thread: tasks one after the other, in one context."""

    def leave_logging_alone(**_: object) -> None:
        """Be there: then Celery sets up nothing."""

    signals.setup_logging.connect(leave_logging_alone)
    try:
        with start_worker(app, perform_ping_check=False):
            yield
    finally:
        signals.setup_logging.disconnect(leave_logging_alone)


@pytest.fixture
def worker(running_worker: None) -> Iterator[None]:
    """Instrument Celery, with a worker that runs already."""
    instrument()
    yield
    uninstrument()


@pytest.fixture
def eager() -> Iterator[None]:
    app.conf.task_always_eager = True
    instrument()
    yield
    uninstrument()
    app.conf.task_always_eager = False


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


def wait_for(events: Events, count: int) -> dict[str, str | None]:
    """Return the profile id of each of ``count`` events, by its name."""
    end = time.monotonic() + 10
    while len(events) < count and time.monotonic() < end:
        time.sleep(0.005)
    assert len(events) == count
    return profile_ids(events)


# The visitor crosses.


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


# What a message carries.


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


@pytest.fixture
def sender() -> Iterator[Celery]:
    """An app whose messages nobody takes."""
    sender = Celery("sender", broker="memory://", set_as_current=False)
    sender.conf.task_default_queue = "nobody"
    instrument()
    yield sender
    uninstrument()
    sender.close()


def test_message_carries_one_string_and_nothing_else(sender: Celery) -> None:
    visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=%22b%22; session=secret")
    headers = headers_of(lambda: call_as(visitor, sender.send_task, "task"))
    assert headers == carrier(ALICE, "b")
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"))) == carrier(ALICE)


def test_message_of_nobody_is_as_without_us(sender: Celery) -> None:
    assert headers_of(lambda: sender.send_task("task")) == {}
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"), None)) == {}


def test_signature_that_is_kept_keeps_no_visitor(sender: Celery) -> None:
    """The headers a caller gives are copied, not added to: the next request must not send them."""
    signature = sender.signature("task", headers={"tenant": "t", "headers": {"tenant": "t"}})
    in_request(signature.delay)
    assert headers_of(signature.delay) == {"tenant": "t", "headers": {"tenant": "t"}}
    assert signature.options["headers"] == {"tenant": "t", "headers": {"tenant": "t"}}


def test_headers_may_be_pairs(sender: Celery) -> None:
    headers = headers_of(
        lambda: in_request(lambda: sender.send_task("task", headers=[("tenant", "t")]))
    )
    assert headers == {"tenant": "t", **carrier(ALICE)}


def test_headers_of_a_route_are_kept(sender: Celery) -> None:
    sender.conf.task_routes = {"task": {"headers": {"format": "pdf"}}}
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"))) == {
        "format": "pdf",
        **carrier(ALICE),
    }


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"tenant": "t"}, id="in the message"),
        pytest.param({"headers": {"tenant": "t"}}, id="in the message's headers"),
    ],
)
@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.usefixtures("worker")
def test_custom_headers_survive_a_retry(
    given: dict[str, Any], protocol: int, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/celery/celery/issues/4875"""
    monkeypatch.setattr(app.amqp, "create_task_message", app.amqp.task_protocols[protocol])
    result = in_request(lambda: retry_once.apply_async(headers=given))
    headers = result.get(timeout=10)
    assert wait_for(events, 2) == {"try 0": ALICE, "try 1": ALICE}
    headers = headers if "tenant" in headers else headers["headers"]
    assert headers["tenant"] == "t"
    assert headers["koala_visitor"] == carrier(ALICE)["koala_visitor"]


@pytest.mark.parametrize("place", ["in the message", "in the message's headers"])
@pytest.mark.usefixtures("worker")
def test_visitor_is_found_in_both_places(place: str, events: Events) -> None:
    """https://github.com/celery/celery/issues/4875"""
    ids = carrier(ALICE)
    note.apply_async(headers=ids if place == "in the message" else {"headers": ids})
    assert wait_for(events, 1) == {"task": ALICE}


def test_retry_keeps_the_headers_of_its_own(sender: Celery) -> None:
    """One visitor's profile id with the other's anonymous id would link the two."""
    for own in (carrier(None, "b"), {"koala_anonymous_id": "b"}):
        headers = headers_of(
            lambda own=own: call_as(  # type: ignore[misc]
                Visitor(ALICE, "a"), sender.send_task, "task", headers=own
            )
        )
        assert headers == own


@pytest.mark.usefixtures("worker")
def test_all_that_a_carrier_has_is_in_the_events_of_the_task(events: Events) -> None:
    def send() -> None:
        koala.bind(plan="team")
        note.delay()

    fbp = koala.BrowserId(cookie="_fbp", path="properties.fbp")
    in_request(send, f"{ALICE}; _fbp=fb.1", browser_ids=(fbp,))
    wait_for(events, 1)
    assert events[0]["properties"] == {"plan": "team", "fbp": "fb.1", "profile_id": ALICE}


# What the version before has sent


@pytest.mark.parametrize("place", ["in the message", "in the message's headers"])
@pytest.mark.usefixtures("worker")
def test_message_of_the_version_before_is_read(place: str, events: Events) -> None:
    before = {
        "koala_profile_id": ALICE,
        "koala_anonymous_id": "a",
        "koala_properties": {"plan": "team"},
    }
    headers = before if place == "in the message" else {"headers": before}
    note_anonymously.apply_async(headers=headers)
    wait_for(events, 1)
    assert events[0]["anonymousId"] == "a"
    assert events[0]["properties"] == {"profile_id": ALICE, "plan": "team"}


def test_message_of_the_version_before_may_have_any_keys() -> None:
    """As pickle has them, where JSON has none: the task runs."""
    message = {"koala_profile_id": ALICE, "koala_properties": {"a": 1, (1, 2): 3}}
    assert read_visitor(plugin._carrier(message), koala.Options()).profile_id == ALICE


@pytest.mark.usefixtures("worker")
def test_retry_of_the_version_before_keeps_its_visitor(events: Events) -> None:
    retry_once.apply_async(headers={"koala_profile_id": ALICE})
    assert wait_for(events, 2) == {"try 0": ALICE, "try 1": ALICE}


# What arrives is from another trust zone.


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("not a uuid", id="text"),
        pytest.param("{" + ALICE + "}", id="in braces"),
        pytest.param(f"{ALICE}\n", id="line feed"),
        pytest.param(ALICE + "-" * 8000, id="long"),
        pytest.param(7, id="number"),
        pytest.param([ALICE], id="list"),
        pytest.param({"profile_id": ALICE}, id="dict"),
        pytest.param(True, id="bool"),
    ],
)
@pytest.mark.parametrize("name", ["koala_visitor", "koala_profile_id"])
@pytest.mark.usefixtures("worker")
def test_what_is_no_profile_id_is_refused(
    value: object, name: str, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once that, and never what, was refused."""
    for event in "ab":
        note.apply_async((event,), headers={name: value})
    assert wait_for(events, 2) == {"a": None, "b": None}
    messages = [r.getMessage() for r in caplog.records if r.name == "koala_middleware"]
    assert len([m for m in messages if "the visitor of a message was refused" in m]) == 1
    assert not any(str(value) in m for m in messages if isinstance(value, str) and value)


@pytest.mark.usefixtures("worker")
def test_own_parse_is_asked_again(events: Events) -> None:
    def parse(value: str) -> Any:
        return UUID(value.removeprefix("v1.")) if value.startswith(("v1.", ALICE)) else None

    instrument(parse=parse)
    in_request(lambda: note.delay("a"), f"v1.{ALICE}", parse=parse)
    note.apply_async(("b",), headers=carrier("v2." + ALICE))
    assert wait_for(events, 2) == {"a": ALICE, "b": None}


def test_parse_is_called_as_nobody() -> None:
    """What it tracks must not be attributed to whoever is current where the task runs."""
    seen: list[str | None] = []

    def parse(value: str) -> str:
        seen.append(koala.get_profile_id())
        return value

    instrument(parse=parse)
    message = {**carrier(ALICE), "task": "note", "id": "1"}
    request = SimpleNamespace(app=note.app, request_dict=message)
    with koala.profile(BOB), pytest.raises(AttributeError):
        Request.on_timeout(request, True, 1)
    assert seen == [None]


@pytest.mark.usefixtures("worker")
def test_parse_that_fails_or_returns_too_much_refuses(
    events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    instrument(parse=lambda value: value * 9)
    note.apply_async(("a",), headers=carrier(ALICE))
    wait_for(events, 1)
    instrument(parse=lambda value: str(1 / 0))
    note.apply_async(("b",), headers=carrier(ALICE))
    assert wait_for(events, 2) == {"a": None, "b": None}
    assert "ZeroDivisionError" in caplog.text
    assert ALICE not in caplog.text


# instrument() and uninstrument().


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
