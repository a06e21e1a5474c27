"""What Segment's Koala (Cloud) destination does with a message, case by case."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koala_middleware.inspector import Dropped, KoalaRequest, koala_request
from koala_middleware.inspector.causes import CAUSES, UNKNOWN

LINES = Path(__file__).with_name("koala_cloud_vectors.ndjson").read_text(encoding="utf-8")
VECTORS = [json.loads(line) for line in LINES.splitlines()]
VECTOR_IDS = [
    f"line-{number}-{vector['event']['type']}-{vector['outcome'].replace(' ', '-')}"
    for number, vector in enumerate(VECTORS, start=1)
]
ABSENT = object()
NOW = "2026-11-23T00:00:00.000Z"
NO_IDENTIFIER = "no profile id and no email"


def message(kind: str, **values: Any) -> dict[str, Any]:
    event = {"type": kind, "event": "E", "messageId": "m", "timestamp": NOW, **values}
    return {key: value for key, value in event.items() if value is not ABSENT}


def track(**values: Any) -> dict[str, Any]:
    return message("track", **{"properties": {"profile_id": "p"}, **values})


def identify(**values: Any) -> dict[str, Any]:
    return message("identify", **{"traits": {"profile_id": "p"}, **values})


def body(event: dict[str, Any]) -> dict[str, Any]:
    outcome = koala_request(event)
    assert isinstance(outcome, KoalaRequest)
    return outcome.body


def sent(event: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = body(event)["events" if event["type"] == "track" else "identifies"][0]
    return item


def dropped(event: dict[str, Any]) -> Dropped:
    outcome = koala_request(event)
    assert isinstance(outcome, Dropped)
    assert outcome.hint
    return outcome


@pytest.mark.parametrize("vector", VECTORS, ids=VECTOR_IDS)
def test_koala_request_vector(vector: dict[str, Any]) -> None:
    """Every recorded message fares as it did in the destination's published code."""
    outcome = koala_request(vector["event"])
    match vector["outcome"]:
        case "sent":
            assert outcome == KoalaRequest(vector["body"])
        case "invalid":
            assert isinstance(outcome, Dropped)
            assert outcome.reason == vector["message"]
        case "not subscribed":
            assert isinstance(outcome, Dropped)
            assert outcome.reason == "not subscribed"
        case _:
            assert isinstance(outcome, Dropped)
            assert outcome.reason in (NO_IDENTIFIER, "sent by analytics.js")


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias", "Track", "", None, ["track"]])
def test_type_other(kind: Any) -> None:
    """Only a message whose type is exactly track or identify reaches Koala."""
    assert dropped({**track(), "type": kind}).reason == "not subscribed"


@pytest.mark.parametrize("event", [{}, [], "track", 5, None])
def test_message_without_type(event: Any) -> None:
    """Something that is not a message at all is not subscribed either."""
    assert dropped(event).reason == "not subscribed"


def test_hint_track_without_identifier() -> None:
    """A track without an id says how to get the cause, and never guesses it."""
    outcome = dropped(track(properties={}))
    assert outcome.reason == NO_IDENTIFIER
    assert outcome.hint == UNKNOWN.remedy


def test_hint_names_the_cause_that_the_event_carries() -> None:
    """And Koala never gets what explains an event."""
    said = {"koala": {"cause": "no_request", "call": "billing/tasks.py:88"}}
    assert dropped(track(properties={}, context=said)).hint == CAUSES["no_request"].remedy
    assert dropped(identify(traits={}, context=said)).hint == CAUSES["no_request"].remedy
    request = koala_request(track(properties={"profile_id": "p"}, context=said))
    assert isinstance(request, KoalaRequest)
    assert "koala" not in request.body["events"][0]["context"]
    assert "koala" in said


def test_hint_identify_without_identifier() -> None:
    """An identify without an id points at its traits."""
    outcome = dropped(identify(traits={"name": "N"}))
    assert outcome.reason == NO_IDENTIFIER
    assert "traits" in outcome.hint


def test_hint_analytics_js() -> None:
    """A track from analytics.js is dropped, because the pixel reports it."""
    outcome = dropped(track(context={"library": {"name": "analytics.js"}}))
    assert outcome.reason == "sent by analytics.js"
    assert "the pixel reports it already" in outcome.hint


def test_hint_invalid() -> None:
    """The hint for an invalid message names the message's own keys, not the payload's."""
    hint = dropped(track(timestamp=ABSENT, context={"ip": []})).hint
    assert (
        hint == "set timestamp to an ISO 8601 date and time; set context.ip to a non-empty string"
    )


@pytest.mark.parametrize("library", [None, "analytics.js", 0, [], {}, {"name": ["analytics.js"]}])
def test_library_odd(library: Any) -> None:
    """Only context.library.name marks an analytics.js event."""
    assert body(track(context={"library": library}))["profile_id"] == "p"


@pytest.mark.parametrize("profile_id", ["p", 5, -1, 0.5, True, [], {}, [0]])
def test_profile_id_truthy(profile_id: Any) -> None:
    """What JavaScript holds for true is an id, empty arrays and objects too."""
    assert body(track(properties={"profile_id": profile_id}))["profile_id"] == profile_id
    assert body(identify(traits={"profile_id": profile_id}))["profile_id"] == profile_id


@pytest.mark.parametrize("profile_id", ["", 0, 0.0, False, None])
def test_profile_id_falsy(profile_id: Any) -> None:
    """A value that is falsy in JavaScript is not an id, but goes along with an email."""
    ids = {"profile_id": profile_id}
    assert dropped(track(properties=ids)).reason == NO_IDENTIFIER
    assert body(track(properties=ids, email="e"))["profile_id"] == profile_id


@pytest.mark.parametrize(
    ("values", "email"),
    [
        pytest.param({"traits": {"email": "t"}, "email": "e"}, "t", id="traits-first"),
        pytest.param({"traits": {"email": None}, "email": "e"}, "e", id="null-trait"),
        pytest.param({"traits": {"email": ""}, "email": "e"}, ABSENT, id="empty-trait-hides-top"),
        pytest.param({"traits": "t", "email": "e"}, "e", id="string-traits"),
        pytest.param({"traits": [1], "email": "e"}, "e", id="array-traits"),
        pytest.param({"traits": 0, "email": "e"}, "0", id="zero-traits-are-the-email"),
        pytest.param({"traits": False, "email": "e"}, "false", id="false-traits-are-the-email"),
        pytest.param({"traits": "", "email": "e"}, ABSENT, id="empty-traits-hide-top"),
        pytest.param({"email": ["e"]}, "e", id="array-of-one"),
        pytest.param({"email": [None]}, "", id="array-of-null"),
    ],
)
def test_email_mapped(values: dict[str, Any], email: Any) -> None:
    """The mapped email is traits.email if that exists, else email, as a string."""
    assert body(track(**values)).get("email", ABSENT) == email
    assert sent(track(**values)).get("email", ABSENT) == email


@pytest.mark.parametrize(
    ("properties", "traits", "email"),
    [
        pytest.param({"email": "p"}, {"email": "t"}, "p", id="properties-first"),
        pytest.param({"email": None}, {"email": "t"}, "t", id="null-property"),
        pytest.param({"email": ""}, {"email": "t"}, "", id="empty-property-hides-traits"),
        pytest.param({"email": {}}, {"email": "t"}, {}, id="object-as-it-is"),
        pytest.param({}, {"email": None}, None, id="null-at-the-end-stays"),
        pytest.param({"email": None}, {}, ABSENT, id="null-before-the-end-goes"),
    ],
)
def test_email_fallback(properties: Any, traits: Any, email: Any) -> None:
    """Without a mapped email, properties.email and context.traits.email stand in unchanged."""
    event = track(properties={"profile_id": "p", **properties}, context={"traits": traits})
    assert body(event).get("email", ABSENT) == email


@pytest.mark.parametrize(
    ("own", "context", "ip"),
    [
        pytest.param({"ip": "9"}, {"ip": "1"}, "9", id="own-first"),
        pytest.param({"ip": None}, {"ip": "1"}, "1", id="null-own"),
        pytest.param({"ip": ""}, {"ip": "1"}, "", id="empty-own-hides-context"),
        pytest.param({"ip": [1]}, {}, [1], id="own-as-it-is"),
        pytest.param({}, {"ip": [1]}, "1", id="context-becomes-a-string"),
        pytest.param({}, {"ip": [None]}, "", id="context-array-of-null"),
        pytest.param({"ip": None}, {"ip": ""}, ABSENT, id="neither"),
    ],
)
def test_ip(own: Any, context: Any, ip: Any) -> None:
    """The ip of properties (track) or traits (identify) comes before context.ip."""
    own = {"profile_id": "p", **own}
    assert body(track(properties=own, context=context)).get("ip", ABSENT) == ip
    assert body(identify(traits=own, context=context)).get("ip", ABSENT) == ip


def test_track_traits() -> None:
    """Track traits are those of the context; without any, only the body has empty ones."""
    assert sent(track(context={"traits": {"k": 1}}))["traits"] == {"k": 1}
    assert body(track())["traits"] == {}
    assert "traits" not in sent(track())


def test_identify_context_source() -> None:
    """An identify says that it came by way of Segment's cloud; a track does not."""
    assert sent(identify(context={"source": "x"}))["context"] == {"source": "segment-cloud"}
    assert sent(track(context={"source": "x"}))["context"] == {"source": "x"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-0.0, "0"),
        (5.0, "5"),
        (-2.25, "-2.25"),
        (100, "100"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (123456789012345678901, "123456789012345680000"),
        (1e21, "1e+21"),
        (10**400, "Infinity"),
        (-(10**400), "-Infinity"),
        ([7], "7"),
        ((7,), "7"),
    ],
)
def test_string_coerced(value: Any, text: str) -> None:
    """Numbers and booleans become the strings that JavaScript makes of them."""
    assert sent(track(messageId=value))["message_id"] == text


@pytest.mark.parametrize(
    ("value", "was"),
    [
        ([], "an array"),
        ([1, 2], "an array"),
        ([[1]], "an array"),
        ({}, "an object"),
        ([{}], "an object"),
    ],
)
def test_string_refused(value: Any, was: str) -> None:
    """A string field takes no object, and no array but of one plain value."""
    assert dropped(track(event=value)).reason == f"Event Name must be a string but it was {was}."


@pytest.mark.parametrize(
    ("value", "was"),
    [
        ("x", "a string"),
        (0, "a number"),
        (0.5, "a number"),
        (True, "a boolean"),
        ([{}], "an array"),
        (object(), "an object"),
    ],
)
def test_object_refused(value: Any, was: str) -> None:
    """An object field takes nothing but an object."""
    reason = dropped(track(properties=value)).reason
    assert reason == f"Event properties must be an object but it was {was}."


@pytest.mark.parametrize("value", [None, ""])
def test_object_empty(value: Any) -> None:
    """Null and the empty string count as absent."""
    assert "properties" not in sent(track(properties=value, email="e"))


@pytest.mark.parametrize(
    "timestamp",
    [
        "2024-02-29t00:00:00z",
        "2026-11-23 10:11:12",
        "2026-11-23T10:11:12.123456+02:00",
        "2026-11-23T10:11:12-0200",
        "2026-11-23T10:11:12+02",
        "2026-11-23T23:59:60Z",
        "0000-02-29T00:00:00Z",
    ],
)
def test_timestamp_accepted(timestamp: str) -> None:
    """A timestamp is passed on as it was written."""
    assert sent(track(timestamp=timestamp))["sent_at"] == timestamp


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-11-23",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T22:59:60Z",
        "2026-11-23T10:11:12Z\n",
        "٢٠٢٦-11-23T10:11:12Z",
        "1700000000",
        1700000000,
        True,
        [None],
    ],
)
def test_timestamp_refused(timestamp: Any) -> None:
    """A timestamp that is not an RFC 3339 date and time is refused, and so are numbers."""
    reason = dropped(identify(timestamp=timestamp)).reason
    assert reason == "Sent At must be a valid date and time string but it was not."


def test_errors_joined() -> None:
    """Missing fields are reported first, then wrong ones, in the destination's order."""
    event = track(messageId=None, event="", timestamp="x", email={}, context=[], properties=1)
    assert dropped(event).reason == (
        "The root value is missing the required field 'event'."
        " The root value is missing the required field 'message_id'."
        " Email must be a string but it was an object."
        " Event properties must be an object but it was a number."
        " Sent At must be a valid date and time string but it was not."
        " Context properties must be an object but it was an array."
    )


def test_identify_needs_no_event() -> None:
    """The event field means nothing to identify."""
    assert "event" not in sent(identify(event=[]))


@pytest.mark.parametrize("context", [0, False])
def test_context_falsy(context: Any) -> None:
    """A falsy context is the value of everything that is looked for inside it."""
    reason = dropped(track(context=context)).reason
    assert reason.startswith("Context properties must be an object")
    assert "Traits must be an object" in reason


def test_context_null() -> None:
    """A null context breaks the framework, once the message has passed the validator."""
    reason = dropped(track(context=None)).reason
    assert reason == "Cannot destructure property 'personas' of '{}' as it is null."
    assert "message_id" in dropped(track(context=None, messageId=None)).reason


def test_personas_null() -> None:
    """Null personas break the framework in the same place."""
    reason = dropped(track(context={"personas": None})).reason
    assert reason == "Cannot read properties of null (reading 'computation_class')"


def test_request_immutable() -> None:
    """The outcome cannot be rewritten."""
    with pytest.raises(FrozenInstanceError):
        koala_request(track()).body = {}  # type: ignore[misc, union-attr]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(["email", "ip", "profile_id", "traits", "library", "name", "personas"])
JSON = PLAIN | st.recursive(
    st.lists(PLAIN, max_size=2) | st.dictionaries(KEYS, PLAIN, max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=4,
)
PLACES = ["event", "messageId", "timestamp", "email", "traits", "properties", "context"]


@given(
    kind=st.sampled_from(["track", "identify"]) | JSON,
    values=st.dictionaries(st.sampled_from(PLACES), JSON, max_size=4),
)
def test_any_json(kind: Any, values: dict[str, Any]) -> None:
    """No JSON in any place makes it raise, nothing is changed, and every drop has a hint."""
    event = {**message("", **values), "type": kind}
    before = repr(event)
    outcome = koala_request(event)
    assert repr(event) == before
    assert isinstance(outcome, KoalaRequest) or (outcome.reason and outcome.hint)
