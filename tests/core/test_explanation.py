"""What is said of a call without a profile id, and where."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import segment.analytics as analytics
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware import Cause, explanation
from koala_middleware.causes import DETAILS, remedy_of
from koala_middleware.pytest_plugin import koala_events as koala_events
from koala_middleware.request import RequestDetails
from koala_middleware.segment import explaining
from koala_middleware.testing import assert_reaches_koala, capture_events
from koala_middleware.visitor import NOBODY, Visitor
from koala_middleware.wsgi import KoalaMiddleware
from tests.clients import Tracking
from tests.processes import run
from tests.serving import environ_of
from tests.visitors import ALICE, start_response, track

Events = list[dict[str, Any]]
LINE = track.__code__.co_firstlineno + 2
EXPLAIN = koala.Options(explain=True, identify=True)


@pytest.fixture(autouse=True)
def instrumented() -> Iterator[None]:
    koala.instrument()
    yield
    explanation.everywhere = False


def serve(
    call: Any, cookie: str = "", url: str = "http://site.test/page?q=1", **options: Any
) -> None:
    """Call within a request."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        call()
        return []

    KoalaMiddleware(app, **options)(environ_of(url, cookie=cookie), start_response)


def cause_of(event: dict[str, Any]) -> Any:
    return event["context"].get("koala", {}).get("cause")


# explain()


def test_each_cause_has_a_detail() -> None:
    assert [*DETAILS] == [*Cause]
    for detail in DETAILS.values():
        assert detail.format(cookie_name="a", property_name="b").endswith(".")


@pytest.mark.parametrize("cause", Cause)
def test_remedy_is_the_detail_where_options_are_not_known(cause: Cause) -> None:
    """But for an event that Koala drops although its id was added."""
    remedy = remedy_of(cause)
    assert ("property_name" in remedy) == (cause is Cause.ADDED)
    assert "{" not in remedy


def test_cause_is_a_text() -> None:
    assert f"{Cause.ADDED}" == str(Cause.ADDED) == "added"
    assert json.dumps(Cause.ADDED) == '"added"'


def test_explanation_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        koala.explain().cause = Cause.ADDED  # type: ignore[misc]


def test_explain_names_the_cookie() -> None:
    found: list[koala.Explanation] = []
    serve(lambda: found.append(koala.explain()), cookie_name="vid")
    assert "the cookie vid" in found[0].detail


def test_explain_another_property() -> None:
    with koala.profile(ALICE, options=koala.Options(property_name="vid")):
        assert koala.explain().detail.startswith("Remove the option property_name")


def test_environ_that_says_nothing() -> None:
    """A request that cannot be read is not known."""
    details = RequestDetails(EXPLAIN, lambda raw: raw, raw=5)
    assert explanation.request_of(Visitor(options=EXPLAIN, details=details)) is None


def test_nobody_is_not_switched_off_elsewhere() -> None:
    """One middleware that is enabled decides for what runs outside requests."""
    KoalaMiddleware(print, enabled=False)  # type: ignore[arg-type]
    assert koala.explain().cause == "switched_off"
    KoalaMiddleware(print)  # type: ignore[arg-type]
    assert koala.explain().cause == "no_request"
    assert not NOBODY


# The log


def test_log_says_where_and_why(caplog: pytest.LogCaptureFixture, events: Events) -> None:
    """The first in a process is at INFO, the others at DEBUG."""
    caplog.set_level(logging.DEBUG, "koala_middleware")
    serve(lambda: track("A"))
    track("B")
    first, second = (r for r in caplog.records if r.name == "koala_middleware")
    assert (first.levelname, second.levelname) == ("INFO", "DEBUG")
    assert first.getMessage().startswith(
        f"no profile id (no_cookie) for 'A' at tests/visitors.py:{LINE}, GET /page: Check that"
    )
    assert second.getMessage().startswith(
        f"no profile id (no_request) for 'B' at tests/visitors.py:{LINE}: Take"
    )


def test_log_is_one_line_whatever_the_path(
    caplog: pytest.LogCaptureFixture, events: Events
) -> None:
    """What is percent-encoded in it, such as a line feed, forges no line."""
    caplog.set_level(logging.DEBUG, "koala_middleware")
    serve(lambda: track("A"), url="http://site.test/%C3%A4%0AERROR%1B")
    assert ", GET /ä\\nERROR\\x1b: Check" in caplog.records[0].getMessage()


def test_log_at_info_has_the_first_alone(caplog: pytest.LogCaptureFixture, events: Events) -> None:
    caplog.set_level(logging.INFO, "koala_middleware")
    track("A")
    track("B")
    assert len([r for r in caplog.records if r.name == "koala_middleware"]) == 1


def test_log_of_two_threads_says_the_first_once(
    caplog: pytest.LogCaptureFixture, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "koala_middleware")
    monkeypatch.setattr(explaining, "is_logged", lambda: True)  # when both of them asked
    track("A")
    track("B")
    assert len([r for r in caplog.records if r.name == "koala_middleware"]) == 1


def test_log_is_silent_about_calls_with_an_id(
    caplog: pytest.LogCaptureFixture, events: Events
) -> None:
    caplog.set_level(logging.DEBUG, "koala_middleware")
    serve(lambda: track("A"), f"ko_id={ALICE}", explain=True)
    analytics.track("u1", "B", {"profile_id": ALICE})
    serve(lambda: analytics.identify("u1"))  # which gets no id without the option identify
    assert [r for r in caplog.records if r.name == "koala_middleware"] == []


def test_log_of_a_class_and_its_base_has_a_call_once(
    caplog: pytest.LogCaptureFixture, events: Events
) -> None:
    class Own(Tracking, Client):  # type: ignore[misc]  # the SDK has no types
        def sent(self, event: Any) -> Any:
            return Client.track(self, "u1", event)

    koala.instrument(Own)
    caplog.set_level(logging.DEBUG, "koala_middleware")
    client = Own("key", send=False)
    client.track("u1", "A")
    serve(lambda: client.track("u1", "A"), explain=True)
    assert len([r for r in caplog.records if r.name == "koala_middleware"]) == 2


def test_log_says_that_an_event_was_too_large(
    caplog: pytest.LogCaptureFixture, events: Events
) -> None:
    caplog.set_level(logging.DEBUG, "koala_middleware")
    with koala.profile(ALICE):
        analytics.track("u1", "E", {"text": "x" * largest(events)})
    assert "profile_id" not in events[-1]["properties"]
    assert "(too_large)" in caplog.text


# context.koala


def largest(events: Events) -> int:
    """Return how long a text an event may have that is just under the limit."""
    low, high = 30000, 33000
    while high - low > 1:
        middle = (low + high) // 2
        try:
            analytics.track("u1", "E", {"text": "x" * middle})
            low = middle
        except RuntimeError:
            high = middle
    events.clear()
    return low


@pytest.mark.parametrize(
    ("room", "has_id", "cause"),
    [
        pytest.param(400, True, "added", id="all-fits"),
        pytest.param(150, True, None, id="the-id-fits"),
        pytest.param(20, False, None, id="neither-fits"),
    ],
)
def test_explanation_never_costs_the_id(
    room: int, has_id: bool, cause: str | None, events: Events
) -> None:
    text = "x" * (largest(events) - room)
    with koala.profile(ALICE, options=EXPLAIN):
        analytics.track("u1", "E", {"text": text})
    (event,) = events
    assert ("profile_id" in event["properties"], cause_of(event)) == (has_id, cause)


def test_too_large_says_so_where_that_fits(events: Events) -> None:
    """A property's long name takes more room than the explanation."""
    text = "x" * (largest(events) - 500)
    options = koala.Options(explain=True, property_name="p" * 900)
    with koala.profile(ALICE, options=options):
        analytics.track("u1", "E", {"text": text})
    assert cause_of(events[0]) == "too_large"


def test_identify_is_explained_with_its_option(events: Events) -> None:
    text = "x" * (largest(events) - 500)
    with koala.profile(None, options=EXPLAIN):
        analytics.identify("u1", {"a": 1})
    with koala.profile(ALICE, options=EXPLAIN):
        analytics.identify("u1", {"a": 1})
        analytics.identify("u1", {"profile_id": None})
    long = koala.Options(explain=True, identify=True, property_name="p" * 900)
    with koala.profile(ALICE, options=long):
        analytics.identify("u1", {"text": text})
    with koala.profile(None, options=koala.Options(explain=True)):
        analytics.identify("u1", {"a": 1})
    causes = ["no_request", "added", "set_by_caller", "too_large", None]
    assert [cause_of(event) for event in events] == causes


def test_context_of_the_caller_stays(events: Events) -> None:
    context, own = {"a": 1}, {"koala": "mine"}
    with koala.profile(None, options=EXPLAIN):
        analytics.track("u1", "E", {}, context)
        analytics.track("u1", "E", {}, own)
    assert context == {"a": 1}
    assert (events[0]["context"]["a"], cause_of(events[0])) == (1, "no_request")
    assert events[1]["context"]["koala"] == "mine"


def test_other_errors_of_the_sdk_pass() -> None:
    class Broken(Tracking):
        def sent(self, event: Any) -> Any:
            raise RuntimeError("broken")

    koala.instrument(Broken)
    with koala.profile(None, options=EXPLAIN), pytest.raises(RuntimeError, match="broken"):
        Broken().track("u1", "E")


def test_fault_in_an_explanation_costs_nothing(
    caplog: pytest.LogCaptureFixture, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "_version", None)
    with koala.profile(ALICE, options=EXPLAIN):
        analytics.track("u1", "E")
    assert events[0]["properties"] == {"profile_id": ALICE}
    assert "an event goes out without its explanation" in caplog.text


# The call site


@pytest.mark.parametrize(
    ("module", "file", "expected"),
    [
        pytest.param("billing.tasks", "/srv/app/billing/tasks.py", "billing/tasks.py:1", id="file"),
        pytest.param("billing", "/srv/app/billing/__init__.py", "billing/__init__.py:1", id="init"),
        pytest.param("__main__", "C:\\app\\run.py", "run.py:1", id="windows"),
        pytest.param(
            "koala_middleware.demo.site",
            "<x>/koala_middleware/demo/site.py",
            "koala_middleware/demo/site.py:1",
            id="demo",
        ),
        pytest.param(
            "contextlib", "/usr/lib/contextlib.py", "core/test_explanation.py", id="wrapper"
        ),
    ],
)
def test_call_site(module: str, file: str, expected: str) -> None:
    scope = {"__name__": module, "call_site": explaining.call_site}
    found = eval(compile("call_site()", file, "eval"), scope)
    assert expected in found


def test_call_site_of_nobody() -> None:
    """Code that an extension module calls may have none of the application's frames below."""
    script = "from koala_middleware.segment.explaining import call_site; "
    script += "__name__ = 'functools'; print(call_site())"
    assert run("-c", script).stdout == "None\n"


# pytest's plugin


def test_koala_events_say_their_cause(koala_events: Events) -> None:
    serve(lambda: track("A"))
    assert cause_of(koala_events[0]) == "no_cookie"
    with pytest.raises(AssertionError) as raised:
        assert_reaches_koala(koala_events[0])
    assert str(raised.value).startswith(
        "Koala drops 'A': no profile id and no email\n"
        f"cause: no_cookie, at tests/visitors.py:{LINE}\n"
        "Check that the browser sends the cookie ko_id (or your cookie_name)"
    )


def test_event_with_an_id_reaches_koala(koala_events: Events) -> None:
    serve(lambda: track("A"), f"ko_id={ALICE}")
    assert_reaches_koala(koala_events[0])


def test_event_with_another_property_does_not(koala_events: Events) -> None:
    serve(lambda: track("A"), f"ko_id={ALICE}", property_name="vid")
    with pytest.raises(AssertionError, match="Remove the option property_name"):
        assert_reaches_koala(koala_events[0])


def test_event_of_another_kind_never_reaches_koala(koala_events: Events) -> None:
    analytics.page("u1")
    with pytest.raises(AssertionError, match="only track and identify reach Koala"):
        assert_reaches_koala(koala_events[0])


def test_event_without_a_cause() -> None:
    with capture_events() as events:
        track("A")
    with pytest.raises(AssertionError, match="cause unknown: use the fixture koala_events"):
        assert_reaches_koala(events[0])


def test_plugin_in_a_project(tmp_path: Any) -> None:
    """pytest loads it by its entry point; here by its name, wherever that is installed or not."""
    test = tmp_path / "test_site.py"
    test.write_text("def test(koala_events): assert koala_events == []")
    arguments = ["-m", "pytest", "-q", "-p", "koala_middleware.pytest_plugin", str(test)]
    done = run(*arguments, f"--rootdir={tmp_path}", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
