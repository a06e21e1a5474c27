"""What instrument() does to the SDK's track."""

from __future__ import annotations

import importlib
import inspect
import types
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.current import call_as
from koala_middleware.factory import VisitorFactory
from koala_middleware.visitor import Visitor
from tests.clients import SDKS, sent
from tests.visitors import ALICE, BOB

Events = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def instrumented() -> None:
    koala.instrument()


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
