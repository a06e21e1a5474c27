"""What instrument() does to the SDK's track."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import logging
import sys
import types
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import segment.analytics as analytics
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.current import call_as
from koala_middleware.factory import VisitorFactory
from koala_middleware.request import RequestDetails
from koala_middleware.segment import sdk
from koala_middleware.visitor import Visitor
from tests.clients import SDKS, Tracking
from tests.processes import output_of
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def instrumented() -> None:
    koala.instrument()


@pytest.fixture(params=SDKS)
def client_class(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"{request.param}.client").Client


@pytest.fixture
def client(client_class: Any) -> Any:
    return client_class("key", send=False)


@pytest.fixture
def alice() -> Iterator[None]:
    with koala.profile(ALICE):
        yield


def sent(client: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the message of a call of track."""
    success, message = client.track(*args, **kwargs)
    assert success
    return message  # type: ignore[no-any-return]


# What is covered


@pytest.mark.parametrize("name", SDKS)
def test_module_function(name: str, alice: None, events: Events) -> None:
    importlib.import_module(name).track("u1", "Signed Up")
    assert events[0]["properties"] == {"profile_id": ALICE}


def test_instance(client: Any, alice: None) -> None:
    assert sent(client, "u1", "Signed Up", {"plan": "team"})["properties"] == {
        "plan": "team",
        "profile_id": ALICE,
    }


def test_instance_made_before_instrument(client_class: Any, alice: None) -> None:
    koala.uninstrument()
    client = client_class("key", send=False)
    koala.instrument()
    assert sent(client, "u1", "E")["properties"] == {"profile_id": ALICE}


def test_subclass_that_calls_super(client_class: Any, alice: None) -> None:
    class Ours(client_class):  # type: ignore[misc]
        def track(self, *args: Any, **kwargs: Any) -> Any:
            return super().track(*args, **kwargs)

    assert sent(Ours("key", send=False), "u1", "E")["properties"] == {"profile_id": ALICE}


def test_all_eight_arguments_by_position(client: Any, alice: None) -> None:
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    message = sent(client, "u1", "E", {"a": 1}, {"b": 2}, when, "a1", {"All": True}, "m1")
    library = message["context"].pop("library")
    assert library["name"] == "analytics-python"
    assert message.pop("timestamp").startswith("2026-01-01T00:00:00")
    assert message == {
        "type": "track",
        "userId": "u1",
        "event": "E",
        "properties": {"a": 1, "profile_id": ALICE},
        "context": {"b": 2},
        "anonymousId": "a1",
        "integrations": {"All": True},
        "messageId": "m1",
    }


def test_holes_of_none(client: Any, alice: None) -> None:
    message = sent(client, None, "E", None, None, None, "a1", None, None)
    assert (message["anonymousId"], message["properties"]) == ("a1", {"profile_id": ALICE})


def test_hole_of_none_where_the_anonymous_id_goes(client: Any, alice: None) -> None:
    assert sent(client, None, "E", None, None, None, None, None)["anonymousId"] == ALICE


def test_all_arguments_by_keyword(client: Any, alice: None) -> None:
    message = sent(client, properties={"a": 1}, event="E", user_id="u1", message_id="m1")
    assert message["properties"] == {"a": 1, "profile_id": ALICE}
    assert (message["userId"], message["anonymousId"], message["messageId"]) == ("u1", None, "m1")


def test_other_class_with_the_same_signature(alice: None) -> None:
    class Other:
        def track(
            self,
            user_id: Any = None,
            event: Any = None,
            properties: Any = None,
            context: Any = None,
            timestamp: Any = None,
            anonymous_id: Any = None,
        ) -> Any:
            return properties

    own_track = Other.track
    koala.instrument(Other)
    koala.instrument(Other)
    assert Other().track("u1", "E") == {"profile_id": ALICE}
    koala.uninstrument()
    assert Other.track is own_track


class KeywordsOnly:
    def track(
        self,
        *,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
    ) -> Any: ...


@pytest.mark.parametrize(
    "thing", [object, print, types.SimpleNamespace(track=Client.track), KeywordsOnly]
)
def test_instrument_refuses_what_has_no_such_track(thing: Any) -> None:
    with pytest.raises(TypeError) as raised:
        koala.instrument(thing)
    expected = "user_id, event, properties, context, timestamp, anonymous_id"
    assert str(raised.value) == (
        f"instrument: expected a class with track(self, {expected}, …), got {thing!r}"
    )


# The caller wins


@pytest.mark.parametrize("given_id", [BOB, None, "", 5])
def test_profile_id_of_the_caller_stays(client: Any, alice: None, given_id: object) -> None:
    assert sent(client, "u1", "E", {"profile_id": given_id})["properties"] == {
        "profile_id": given_id
    }


def test_dict_of_the_caller_is_not_changed(client: Any, alice: None) -> None:
    properties = {"plan": "team"}
    sent(client, "u1", "E", properties)
    assert properties == {"plan": "team"}


def test_property_name_is_an_option(client: Any) -> None:
    visitor = Visitor(None, None, f"ko_id={ALICE}", koala.Options(property_name="visitor"))
    assert call_as(visitor, sent, client, "u1", "E")["properties"] == {"visitor": ALICE}


# anonymous_id


def test_anonymous_id_comes_from_segments_cookie(client: Any) -> None:
    visitor = Visitor(None, None, f"ajs_anonymous_id=%22{BOB}%22; ko_id={ALICE}")
    message = call_as(visitor, sent, client, event="E")
    assert (message["anonymousId"], message["properties"]) == (BOB, {"profile_id": ALICE})


def test_anonymous_id_without_a_profile_id(client: Any) -> None:
    message = call_as(Visitor(None, None, "ajs_anonymous_id=a1"), sent, client, event="E")
    assert (message["anonymousId"], message["properties"]) == ("a1", {})


@pytest.mark.parametrize("user_id", [None, "", 0])
def test_anonymous_id_is_the_profile_id_else(client: Any, alice: None, user_id: object) -> None:
    assert sent(client, user_id, "E")["anonymousId"] == ALICE


@pytest.mark.parametrize("ids", [{"user_id": "u1"}, {"anonymous_id": "a2"}, {"user_id": 7}])
def test_anonymous_id_is_not_filled_beside_another(client: Any, alice: None, ids: Any) -> None:
    assert sent(client, event="E", **ids)["anonymousId"] == ids.get("anonymous_id")


def test_anonymous_id_is_not_filled_for_a_wrong_user_id(client: Any, alice: None) -> None:
    with pytest.raises(AssertionError):
        client.track([], "E")


# Outside a request nothing changes


def test_outside_a_request(client: Any) -> None:
    assert sent(client, "u1", "E")["properties"] == {}
    with pytest.raises(AssertionError):
        client.track(event="E")


def test_identify_outside_a_request(client: Any) -> None:
    assert client.identify("u1", {"a": 1})[1]["traits"] == {"a": 1}


def test_request_without_any_id(client: Any) -> None:
    with koala.profile(None), pytest.raises(AssertionError):
        client.track(event="E")


def test_hidden_visitor(client: Any, alice: None) -> None:
    with koala.profile(None):
        assert sent(client, "u1", "E")["properties"] == {}


def test_uninstrument_gives_track_back(client_class: Any, alice: None) -> None:
    wrapped = client_class.track
    koala.uninstrument()
    assert client_class.track is inspect.unwrap(wrapped) is not wrapped
    assert sent(client_class("key", send=False), "u1", "E")["properties"] == {}


def test_uninstrument_under_somebody_elses_wrapper(
    client_class: Any, alice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Theirs stays, and ours below it only passes calls on."""
    ours = client_class.track
    koala.uninstrument()
    monkeypatch.setattr(client_class, "track", ours)
    theirs = client_class.track
    assert sent(client_class("key", send=False), "u1", "E")["properties"] == {}
    koala.uninstrument()
    assert client_class.track is theirs


def test_uninstrument_leaves_somebody_elses_wrapper(
    client_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(client_class, "track", theirs := lambda *args, **kwargs: None)
        koala.uninstrument()
        assert client_class.track is theirs
    client_class.track = inspect.unwrap(client_class.track)


def test_inherited_track_is_wrapped_once(client_class: Any) -> None:
    class Ours(client_class):  # type: ignore[misc]
        pass

    koala.instrument(Ours)
    assert "track" not in vars(Ours)


def test_identify_beside_an_inherited_track_is_wrapped(client_class: Any) -> None:
    class Ours(client_class):  # type: ignore[misc]
        def identify(
            self,
            user_id: Any = None,
            traits: Any = None,
            context: Any = None,
            timestamp: Any = None,
            anonymous_id: Any = None,
        ) -> Any:
            return traits

    koala.instrument(Ours)
    visitor = Visitor(ALICE, options=koala.Options(identify=True))
    client = Ours("key", send=False)
    assert call_as(visitor, client.identify, "u1") == {"profile_id": ALICE}


def test_inherited_track_is_inherited_again_after_uninstrument(client_class: Any) -> None:
    class Ours(client_class):  # type: ignore[misc]
        pass

    koala.uninstrument()
    koala.instrument(Ours)
    assert "track" in vars(Ours)
    koala.uninstrument()
    assert "track" not in vars(Ours)


def test_instrument_twice_wraps_once(client_class: Any) -> None:
    wrapped = client_class.track
    koala.instrument()
    assert client_class.track is wrapped


def test_track_keeps_its_name_and_signature(client_class: Any) -> None:
    assert client_class.track.__name__ == "track"
    assert next(iter(inspect.signature(client_class.track).parameters)) == "self"


# The SDK's own errors


WRONG_CALLS = [
    pytest.param(("u1",), {}, id="no-event"),
    pytest.param(("u1", "E", ["a"]), {}, id="properties-a-list"),
    pytest.param(("u1", "E", "a"), {}, id="properties-a-text"),
    pytest.param(("u1", "E", None, "c"), {}, id="context-a-text"),
    pytest.param(("u1", "E", None, None, "today"), {}, id="timestamp-a-text"),
    pytest.param((object(), "E"), {}, id="user-id-an-object"),
    pytest.param(("u1", 5), {}, id="event-a-number"),
    pytest.param((), {"nonsense": 1}, id="unknown-keyword"),
    pytest.param(tuple("123456789"), {}, id="too-many"),
    pytest.param(("u1", "E", {}), {"properties": {}}, id="properties-twice"),
]


@pytest.mark.parametrize(("args", "kwargs"), WRONG_CALLS)
def test_errors_of_the_sdk_are_unchanged(client: Any, args: Any, kwargs: Any) -> None:
    with pytest.raises((AssertionError, TypeError)) as bare:
        client.track(*args, **kwargs)
    with koala.profile(ALICE), pytest.raises(type(bare.value)) as ours:
        client.track(*args, **kwargs)
    assert str(ours.value).replace(ALICE, "None") == str(bare.value)


ANYTHING = st.none() | st.text(max_size=3) | st.integers(-1, 1) | st.lists(st.none(), max_size=1)
DICTS = st.dictionaries(st.text(max_size=3) | st.just("profile_id"), ANYTHING, max_size=3)
ARGUMENTS = st.lists(ANYTHING | DICTS, max_size=9)
KEYWORDS = st.dictionaries(
    st.sampled_from([*inspect.signature(Client.track).parameters][1:]), ANYTHING | DICTS
)


def outcome(client: Any, args: Any, kwargs: Any) -> Any:
    try:
        _, message = client.track(*args, **kwargs)
    except Exception as error:
        return type(error)
    for never_the_same in ("messageId", "timestamp", "context"):
        del message[never_the_same]
    return message


@given(ARGUMENTS, KEYWORDS)
@example([None, "E", None, None, None, ""], {})  # an id for the SDK, so the caller wins
@example(["", "E", None, None, None, 0], {})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_arguments_come_out_as_from_the_bare_sdk(
    client: Any, args: list[Any], kwargs: dict[str, Any]
) -> None:
    """But for the added property, and for the anonymous id where both ids were missing."""
    bare = outcome(client, args, kwargs)
    with koala.profile(ALICE):
        ours = outcome(client, args, kwargs)
    if isinstance(bare, dict):
        assert ours == {**bare, "properties": {"profile_id": ALICE, **bare["properties"]}}
    elif isinstance(ours, dict):
        assert bare is AssertionError
        assert ours["userId"] in (None, "", "0")
        assert ours["anonymousId"] == ALICE
    else:
        assert ours is bare


EVERY_OPTION = koala.Options(
    identify=True,
    header_name="X-Visitor",
    email=lambda request: "a@example.com",
    context=True,
    mint=koala.Mint(),
    request_filter=lambda request: True,
)


@given(ARGUMENTS, KEYWORDS, st.dictionaries(st.text(max_size=3), ANYTHING, max_size=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_arguments_with_every_option_on(
    client: Any, args: list[Any], kwargs: dict[str, Any], bound: dict[str, Any]
) -> None:
    factory = VisitorFactory(EVERY_OPTION, lambda environ: environ)
    visitor = factory.make_visitor(f"ko_id={ALICE}", {"REMOTE_ADDR": "192.0.2.7"})
    visitor.bound = bound
    bare = outcome(client, args, kwargs)
    ours = call_as(visitor, outcome, client, args, kwargs)
    if isinstance(bare, dict):
        added = {"profile_id": ALICE, "email": "a@example.com", **bound}
        assert ours == {**bare, "properties": {**added, **bare["properties"]}}
    elif isinstance(ours, dict):
        assert bare is AssertionError
        assert ours["anonymousId"] == ALICE
    else:
        assert ours is bare


# An event is never lost


def of_size(client: Any, size: int) -> dict[str, Any]:
    """Return properties with which an event has ``size`` bytes."""
    _, message = client.track("u1", "E", {"text": ""}, message_id="m1")
    return {"text": "x" * (size - len(json.dumps(message)))}


def test_event_that_only_ours_makes_too_large_goes_without(client: Any, alice: None) -> None:
    with koala.profile(None):
        properties = of_size(client, (32 << 10) - 10)
    assert sent(client, "u1", "E", properties, message_id="m1")["properties"] == properties


def test_event_just_small_enough_goes_with_ours(client: Any, alice: None) -> None:
    size = 32 << 10
    if not client.__module__.startswith("segment."):
        size -= 512  # the old one is measured by us, who do not know what it adds
    with koala.profile(ALICE):
        properties = of_size(client, size)
        message = sent(client, "u1", "E", properties, message_id="m1")
    assert message["properties"]["profile_id"] == ALICE


def test_event_too_large_goes_without_ours_but_with_an_id(client: Any, alice: None) -> None:
    with koala.profile(None):
        properties = of_size(client, (32 << 10) - 50)
    message = sent(client, None, "E", properties, message_id="m1")
    assert (message["anonymousId"], message["properties"]) == (ALICE, properties)


def test_event_that_only_the_context_makes_too_large_goes_without(client: Any) -> None:
    factory = VisitorFactory(koala.Options(context=True), lambda environ: environ)
    visitor = factory.make_visitor(None, {"REMOTE_ADDR": "192.0.2.7"})
    properties = of_size(client, (32 << 10) - 10)
    message = call_as(visitor, sent, client, "u1", "E", properties, message_id="m1")
    assert "ip" not in message["context"]
    assert message["properties"] == properties


class Unchecking:
    """A client as old SDKs have it: an event over 32 KB is lost later, without a word."""

    def __init__(self) -> None:
        self.send = True
        self.queued: Events = []

    def track(
        self,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        message_id: Any = None,
    ) -> Any:
        return self._enqueue({"properties": properties, "messageId": message_id})

    def identify(
        self,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        message_id: Any = None,
    ) -> Any:
        return self._enqueue({"properties": traits, "messageId": message_id})

    def _enqueue(self, message: dict[str, Any]) -> Any:
        if self.send:
            self.queued.append(message)
        return True, message


@pytest.mark.parametrize("method", ["track", "identify"])
@pytest.mark.parametrize(("spare", "ours"), [(1024, {"profile_id": ALICE}), (0, {})])
def test_size_is_checked_for_a_client_that_does_not(
    method: str, spare: int, ours: dict[str, str]
) -> None:
    koala.instrument(Unchecking)
    client = Unchecking()
    empty = {"properties": {"text": "", "profile_id": ALICE}, "messageId": "é"}
    values = {"text": "x" * ((32 << 10) - len(json.dumps(empty)) - spare)}
    name = {"track": "properties", "identify": "traits"}[method]
    visitor = Visitor(ALICE, options=koala.Options(identify=True))
    call_as(visitor, getattr(client, method), "u1", message_id="é", **{name: values})
    assert client.queued == [{"properties": {**values, **ours}, "messageId": "é"}]


def test_size_that_cannot_be_known_is_the_clients_affair() -> None:
    koala.instrument(Unchecking)
    client = Unchecking()
    with koala.profile(ALICE):
        client.track("u1", "E", {("a", "b"): 1})
    assert client.queued[0]["properties"] == {("a", "b"): 1, "profile_id": ALICE}


class Sending(Unchecking):
    """A client of somebody's own, which has no switch for its sending."""

    send = property(lambda self: True, lambda self, value: None)

    def __copy__(self) -> Any:
        raise AssertionError

    def track(self, *args: Any, **kwargs: Any) -> Any:
        return super().track(*args, **kwargs)


Sending.track.__signature__ = inspect.signature(Unchecking.track)  # type: ignore[attr-defined]


def test_client_of_ones_own_sends_each_event_once() -> None:
    koala.instrument(Sending)
    client = Sending()
    with koala.profile(ALICE):
        client.track("u1", "E")
    assert client.queued == [{"properties": {"profile_id": ALICE}, "messageId": None}]


@pytest.mark.parametrize("enqueue", [functools.partial(print), None, property(print)])
def test_client_may_queue_in_any_way(enqueue: Any) -> None:
    odd = type("Odd", (Tracking,), {"_enqueue": enqueue})
    koala.instrument(odd)
    with koala.profile(ALICE):
        assert odd().track("u1", "E") == "E"


def test_identify_that_only_ours_makes_too_large_goes_without(client: Any) -> None:
    import json

    def identified(text: str) -> dict[str, Any]:
        _, message = client.identify("u1", {"text": text}, message_id="m1")
        return message  # type: ignore[no-any-return]

    text = "x" * ((32 << 10) - 10 - len(json.dumps(identified(""))))
    with koala.profile(ALICE, options=koala.Options(identify=True)):
        assert identified("")["traits"] == {"profile_id": ALICE, "text": ""}
        assert identified(text)["traits"] == {"text": text}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.track("u1", "E"), id="track"),
        pytest.param(lambda client: client.identify("u1"), id="identify"),
    ],
)
@pytest.mark.parametrize("error", [RuntimeError(), RuntimeError(5), RuntimeError("queue closed")])
def test_other_runtime_errors_pass(
    error: RuntimeError, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is not sent again: it may have been sent."""

    def fail(self: Client, message: object) -> None:
        tried.append(message)
        raise error

    tried: list[object] = []
    monkeypatch.setattr(Client, "_enqueue", fail)
    with (
        koala.profile(ALICE, options=koala.Options(identify=True)),
        pytest.raises(RuntimeError) as raised,
    ):
        call(Client("key", send=False))
    assert raised.value is error
    assert len(tried) == 1


def test_event_too_large_by_itself_is_the_callers(alice: None) -> None:
    with pytest.raises(RuntimeError, match="Message exceeds"):
        Client("key", send=False).track("u1", "E", {"text": "x" * (40 << 10)})


def test_event_too_large_without_ours_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Client, message: object) -> None:
        tried.append(message)
        raise RuntimeError("Message exceeds the limit")

    tried: list[object] = []
    monkeypatch.setattr(Client, "_enqueue", refuse)
    with koala.profile(None), pytest.raises(RuntimeError):
        Client("key", send=False).track("u1", "E")
    assert len(tried) == 1


class HostileDict(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        raise LookupError(f"no {ALICE} here")


def test_fault_of_ours_is_logged_once_and_the_event_sent(
    client: Any, alice: None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        message = sent(client, "u1", "E", HostileDict(a=1), message_id="m1")
        assert (message["properties"], message["messageId"]) == ({"a": 1}, "m1")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    first_line = "an event goes out without its visitor: LookupError"
    assert record.getMessage().split("\n")[0] == first_line
    assert ALICE not in caplog.text


# Finding the SDK


def test_sdk_is_not_imported_for_our_sake() -> None:
    script = """
import sys, koala_middleware, koala_middleware.wsgi, koala_middleware.asgi
koala_middleware.wsgi.KoalaMiddleware(print)
koala_middleware.asgi.KoalaMiddleware(print)
print([m for m in ("segment.analytics", "analytics", "requests", "flask") if m in sys.modules])
"""
    assert output_of(script) == "[]\n"


@pytest.mark.parametrize("name", SDKS)
def test_sdk_imported_later_is_instrumented(name: str) -> None:
    script = f"""
import koala_middleware as koala
koala.instrument()
import {name} as analytics
with koala.profile("{ALICE}"):
    print(analytics.Client("key", send=False).track("u1", "E")[1]["properties"])
"""
    assert output_of(script) == f"{{'profile_id': '{ALICE}'}}\n"


def test_sdk_imported_after_uninstrument_is_left_alone() -> None:
    script = """
import koala_middleware as koala
koala.instrument(), koala.uninstrument()
import segment.analytics as analytics
print(hasattr(analytics.Client.track, "__wrapped__"))
"""
    assert output_of(script) == "False\n"


def test_absent_sdk_is_logged_once_and_requests_go_on() -> None:
    script = """
import importlib.util, sys
sys.modules["segment"] = sys.modules["analytics"] = None
from koala_middleware.wsgi import KoalaMiddleware
for _ in range(2):
    app = KoalaMiddleware(lambda environ, start_response: [b"fine"])
print(app({"HTTP_COOKIE": "ko_id=x"}, None))
"""
    expected = "Segment's SDK is not installed"
    output = output_of(script)
    assert output.count(expected) == 1
    assert "[b'fine']" in output


@pytest.mark.parametrize("content", ["", "class Client: pass", "class Client: track = None"])
def test_sdk_without_track_is_logged_once(
    content: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("segment.analytics.client")
    exec(content, vars(module))
    koala.uninstrument()
    monkeypatch.setitem(sys.modules, "segment.analytics.client", module)
    koala.instrument()
    koala.uninstrument()
    koala.instrument()
    assert caplog.messages == [
        "Segment's SDK has no Client.track that we know, so no event gets a profile id: "
        "pip install --upgrade segment-analytics-python"
    ]


def test_users_own_package_called_analytics_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("analytics.client")
    exec("class Client:\n def track(self, what): pass", vars(module))
    track = module.Client.track
    koala.uninstrument()
    monkeypatch.setitem(sys.modules, "analytics.client", module)
    koala.instrument()
    assert module.Client.track is track
    assert not caplog.records


def test_watching_twice_calls_once() -> None:
    seen: list[types.ModuleType] = []
    call = seen.append
    sdk.watch_sdk(call)
    sdk.watch_sdk(call)
    assert seen == [sys.modules[f"{name}.client"] for name in SDKS]
    sdk.unwatch_sdk(call)
    sdk.unwatch_sdk(print)


@pytest.mark.parametrize(
    "again",
    [
        "importlib.reload(client)",
        "del sys.modules[client.__name__]; client = importlib.import_module(client.__name__)",
    ],
)
def test_sdk_that_is_loaded_again_is_instrumented_again(again: str) -> None:
    script = f"""
import importlib, inspect, sys
import segment.analytics.client as client
import koala_middleware as koala
koala.instrument()
before = client.Client
for _ in range(2):
    {again}
    assert client.Client is not before
    with koala.profile("{ALICE}"):
        for each in (before, client.Client):
            print(each("key", send=False).track("u1", "E")[1]["properties"])
print("class Client" in inspect.getsource(client))
koala.uninstrument()
print([hasattr(each.track, "__wrapped__") for each in (before, client.Client)])
{again}
print(hasattr(client.Client.track, "__wrapped__"))
"""
    expected = [f"{{'profile_id': '{ALICE}'}}"] * 4 + ["True", "[False, False]", "False"]
    assert output_of(script).splitlines() == expected


def test_sdk_that_another_thread_is_importing_is_waited_for(tmp_path: Path) -> None:
    """Half of a module has no Client, and would be taken for an SDK we do not know."""
    package = tmp_path / "analytics"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "client.py").write_text("""
import __main__, time
__main__.importing.set()
time.sleep(0.2)
from segment.analytics.client import Client as Base
class Client(Base):
    def track(self, user_id=None, event=None, properties=None, context=None, timestamp=None,
              anonymous_id=None):
        return properties
""")
    script = f"""
import importlib, sys, threading
sys.path.insert(0, {str(tmp_path)!r})
import koala_middleware as koala
importing = threading.Event()
thread = threading.Thread(target=importlib.import_module, args=("analytics.client",))
thread.start()
importing.wait()
koala.instrument()
thread.join()
with koala.profile("{ALICE}"):
    print(sys.modules["analytics.client"].Client("key", send=False).track("u1", "E"))
"""
    assert output_of(script) == f"{{'profile_id': '{ALICE}'}}\n"


def test_sdk_is_imported_though_it_cannot_be_instrumented() -> None:
    script = """
from koala_middleware.segment import sdk
sdk.watch_sdk(lambda module: 1 / 0)
import segment.analytics as analytics
print(analytics.Client("key", send=False).track("u1", "E")[0])
"""
    output = output_of(script)
    assert "what follows the import of segment.analytics.client failed" in output
    assert output.startswith("True\n")


@pytest.mark.parametrize("module", [None, types.ModuleType("without a spec")])
def test_sdk_that_is_not_installed_is_said_so(
    module: types.ModuleType | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package of the user's own called segment is not the SDK."""
    koala.instrument()
    assert not caplog.messages
    monkeypatch.setitem(sys.modules, "segment.analytics", module)
    monkeypatch.setitem(sys.modules, "analytics", module)
    koala.instrument()
    assert caplog.messages == [
        "Segment's SDK is not installed, so no event gets a profile id: "
        "pip install segment-analytics-python"
    ]


def test_default_client_of_the_module_is_not_made_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytics, "default_client", None)
    koala.instrument()
    assert analytics.default_client is None


def test_each_addition_fails_by_itself(
    events: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenDetails(RequestDetails):
        def context(self) -> dict[str, Any]:
            raise LookupError

    class Broken(Visitor):
        @property
        def anonymous_id(self) -> str:
            raise LookupError

    koala.instrument()
    options = koala.Options(context=True)
    details = BrokenDetails(options, lambda environ: environ, {})
    visitor = Broken(ALICE, options=options, details=details)
    with pytest.raises(AssertionError):
        call_as(visitor, analytics.track, None, "E")
    call_as(visitor, analytics.track, "u1", "E")
    assert events[0]["properties"] == {"profile_id": ALICE}
    assert len(caplog.messages) == 2
