"""Whatever arrives: nothing of it raises, and all of it can be shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koala_middleware.inspector.json_text import compact, parse_object, printable
from koala_middleware.inspector.messages import BATCHES, TYPES, Upload, parse_upload
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from koala_middleware.inspector.storage.summary import details

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = (
    "type",
    "event",
    "name",
    "userId",
    "anonymousId",
    "messageId",
    "timestamp",
    "properties",
    "traits",
    "context",
    "integrations",
    "writeKey",
    "email",
)
messages = st.dictionaries(st.sampled_from(FIELDS), anything)
values = st.dictionaries(st.sampled_from(("profile_id", "email", "ip", "ref")), anything)
likely = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={"properties": values, "traits": values, "context": values, "event": anything},
)
json_bodies = anything.map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with closing(EventStore(tmp_path_factory.mktemp("store") / "x.db")) as store:
        yield store


@given(kind=st.sampled_from(BATCHES), events=st.lists(messages | likely, max_size=3))
def test_any_event_is_stored_and_shown(
    store: EventStore, kind: str, events: list[dict[str, Any]]
) -> None:
    upload = parse_upload(kind, json.dumps({"batch": events}).encode(), None)
    store.clear()
    stored = store.add(upload.messages)
    assert stored == len({message["messageId"] for message in upload.messages})
    for row, message in store.messages(Filter(), 10):
        shown = details(message, row)
        json.loads(compact({**row, **shown}))
        assert (row["verdict"] == "accepted") == (shown["koala_request"] is not None)


@given(
    kind=st.sampled_from((*BATCHES, *TYPES)),
    body=st.binary() | json_bodies,
    authorization=st.none() | st.text() | st.text().map("Basic {}".format),
)
def test_any_body_is_taken_or_refused(kind: str, body: bytes, authorization: str | None) -> None:
    with suppress(ValueError):
        assert isinstance(parse_upload(kind, body, authorization), Upload)


@given(st.text(st.characters()))
def test_what_is_printed_is_printable(text: str) -> None:
    assert printable(text).isprintable()


@given(st.dictionaries(st.text(st.characters()), anything))
def test_compact_json_is_the_same_json(value: dict[str, Any]) -> None:
    assert parse_object(compact(value).encode()) == parse_object(json.dumps(value))
