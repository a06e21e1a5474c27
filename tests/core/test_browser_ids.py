"""Browser ids: how they are declared, read from a request, and put into a call."""

from __future__ import annotations

import logging
import pickle
import time
from copy import deepcopy
from dataclasses import FrozenInstanceError
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koala_middleware import faults, places
from koala_middleware.browser_ids import (
    BrowserId,
    read_browser_ids,
)
from tests.visitors import ALICE

FBP = BrowserId(cookie="_fbp", path="properties.fbp")
CLICK = BrowserId(cookie="cid", query="cid", path="properties.click_id")


async def parse_async(value: str) -> str:
    return value


class AsyncParse:
    async def __call__(self, value: str) -> str:
        return value


def fill(values: dict[str, str], **parts: Any) -> dict[str, Any]:
    before = deepcopy(parts)
    filled = dict(parts)
    places.fill(places.by_place(values), filled)
    assert parts == before
    return filled


# Declared


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({}, ValueError, "BrowserId: expected a cookie, a query parameter or both, got neither"),
        ({"cookie": ""}, ValueError, "BrowserId cookie: expected a cookie's name .*, got ''"),
        ({"cookie": "a b"}, ValueError, "BrowserId cookie: expected .*, got 'a b'"),
        ({"cookie": 5}, TypeError, "BrowserId cookie: expected .*, got 5"),
        ({"query": ""}, ValueError, "BrowserId query: expected the name of a query parameter"),
        ({"query": b"q"}, TypeError, "BrowserId query: expected the name of a query parameter"),
        ({"query": "a\n"}, ValueError, "BrowserId query"),
        ({"path": None}, TypeError, "BrowserId path: expected a place in an event, such as prop"),
        ({"path": "fbp"}, ValueError, "BrowserId path: .*, got 'fbp'"),
        ({"path": "properties"}, ValueError, "BrowserId path"),
        ({"path": "properties."}, ValueError, "BrowserId path"),
        ({"path": "properties..fbp"}, ValueError, "BrowserId path"),
        ({"path": "userId.fbp"}, ValueError, "BrowserId path"),
        ({"path": "integrations.fbp"}, ValueError, "BrowserId path"),
        ({"path": "integrations.Name."}, ValueError, "BrowserId path"),
        ({"path": "integrations.All.fbp"}, ValueError, "BrowserId path"),
        ({"parse": 5}, TypeError, "BrowserId parse: expected a callable .*, got 5"),
        (
            {"parse": parse_async},
            TypeError,
            "BrowserId parse: expected a callable that is",
        ),
        ({"parse": AsyncParse()}, TypeError, "BrowserId parse"),
        ({"consent": ""}, ValueError, "BrowserId consent: expected the name of a consent categ"),
        ({"consent": 4}, TypeError, "BrowserId consent"),
    ],
)
def test_wrong_parameter_is_an_error(wrong: Any, error: type[Exception], message: str) -> None:
    """It says which, what was expected and what was given."""
    given = {"cookie": "_fbp", **wrong} if wrong else {}
    with pytest.raises(error, match=f"^{message}"):
        BrowserId(**given)


def test_parameters_are_keywords() -> None:
    with pytest.raises(TypeError):
        BrowserId("_fbp")  # type: ignore[call-arg]


def test_browser_id_is_a_value() -> None:
    assert BrowserId(cookie="_fbp") == FBP
    assert pickle.loads(pickle.dumps(FBP)) == FBP
    assert len({FBP, BrowserId(cookie="_fbp")}) == 1
    with pytest.raises(FrozenInstanceError):
        FBP.path = "properties.fbc"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("properties.fbp", ("properties", "fbp")),
        ("context.device.id", ("context", "device", "id")),
        ("integrations.Dub (Actions).dub_id", ("integrations", "Dub (Actions)", "dub_id")),
        ("integrations.Customer.io (Actions).x", ("integrations", "Customer.io (Actions)", "x")),
    ],
)
def test_keys_of_path(path: str, keys: tuple[str, ...]) -> None:
    """In integrations, the last dot ends the destination's name, whatever dots that has."""
    assert places.keys_of(path) == keys
    assert BrowserId(cookie="c", path=path).path == path


# Read


@pytest.mark.parametrize(
    ("cookies", "query", "value"),
    [
        ("cid=a", "", "a"),
        ("", "cid=a", "a"),
        ("cid=a", "cid=b", "a"),
        ("cid=", "cid=b", "b"),
        ("cid=a; cid=b", "", "a"),
        ("cid=; cid=b", "", "b"),
        ("cid=%61; cid=b", "", "a"),
        ("cid=b; cid=%61", "", "b"),
        ("x=1;\tcid \t=\t a \t; y", "", "a"),
        ("cid=XaX", "cid=b", "XaX"),
        ("cid= XaX", "cid=b", "XaX"),
        ("cid=\x0ba", "", None),
        ("cid=é; cid=a", "", "a"),
        ("a=1,cid=b; c=2", "cid=c", "b"),
        ("a=1,cid=é; c=2", "cid=c", "c"),
        ("Xcid=a", "", None),
        ("cid=%22a%20b%22", "", "a b"),
        ("cid=%C3%A9", "", "é"),
        ("", "x=1&cid=a%20b+c&y", "a b c"),
        ("", "cid&cid=&cid=b", "b"),
        ("CID=a; xcid=b; cidx=c; cid", "Cid=a&xcid=b", None),
        ("cid=a%00", "", None),
        ("cid=%FF", "cid=%FF", None),
        ("cid=é", "cid=é", None),
        ("", "cid=aXb&x=1", "aXb"),
        (f"cid={'a' * 2048}", "", "a" * 2048),
        (f"cid={'a' * 2047}%61", "", "a" * 2048),
        (f"cid={'a' * 2049}", "", None),
        (f"cid={'%61' * 1366}", "", None),
        ("cid=; " * 511 + "cid=a", "", "a"),
        ("cid=; " * 512 + "cid=a", "", None),
        ("", "cid&cid=&" * 511 + "cid=a", "a"),
        ("", "cid=&" * 512 + "cid=a", None),
    ],
)
def test_first_valid_value(cookies: str, query: str, value: str | None) -> None:
    """Of the cookie, else of the query; decoded, printable and bounded."""
    assert read_browser_ids([CLICK], cookies, query).get(CLICK.path) == value


def test_raw_value_of_4096_characters_may_be_valid() -> None:
    value = "%61" * 1365 + "a"
    assert read_browser_ids([CLICK], f"cid={value}", "") == {CLICK.path: "a" * 1366}
    assert read_browser_ids([CLICK], f"cid={value}a", "") == {}


def test_first_browser_id_with_a_value_has_the_path() -> None:
    """So that one place can have several sources, each with a parse of its own."""
    older = BrowserId(cookie="old", path="properties.fbp")
    assert read_browser_ids([FBP, older], "old=b; _fbp=a", "") == {"properties.fbp": "a"}
    assert read_browser_ids([FBP, older], "old=b", "") == {"properties.fbp": "b"}


def test_parse_cleans_decoded_values_until_one_is_valid() -> None:
    seen: list[str] = []

    def parse(value: str) -> str | None:
        seen.append(value)
        return value.upper() if value.startswith("ok") else None

    wanted = BrowserId(cookie="c", query="q", parse=parse)
    assert read_browser_ids([wanted], "c=0; c=%22no%22; c=1", "q=a+b&q=ok%3D") == {
        "properties.fbp": "OK="
    }
    assert seen == ["0", "no", "1", "a b", "ok="]
    assert read_browser_ids([wanted], "c=no", "") == {}


@pytest.mark.parametrize("parsed", ["", "a\n", "a" * 2049])
@pytest.mark.parametrize("value", ["a", "%61"])
def test_what_parse_returns_is_checked(parsed: str, value: str) -> None:
    """As values are that it gets: printable and bounded."""
    wanted = BrowserId(cookie="c", parse=lambda value: parsed)
    assert read_browser_ids([wanted], f"c={value}", "") == {}


def test_parse_that_returns_no_str() -> None:
    """The SDK silently drops values such as uuid.UUID."""
    wanted = BrowserId(cookie="c", parse=UUID)  # type: ignore[arg-type]
    assert read_browser_ids([wanted], f"c={ALICE}", "") == {"properties.fbp": ALICE}


def test_parse_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, without the value, and the next value and the next id are read."""
    faults._reported.clear()
    wanted = BrowserId(cookie="c", parse=lambda value: str(10 // int(value)))
    with caplog.at_level(logging.ERROR):
        found = read_browser_ids([wanted, CLICK], "c=0; c=secret; c=5; cid=a", "")
    assert found == {"properties.fbp": "2", "properties.click_id": "a"}
    message = caplog.records[0].getMessage()
    assert message.startswith(
        "the parse of a BrowserId failed: events go out without that id: ZeroDivisionError"
    )
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("granted", "is_read"),
    [
        (None, False),
        ({}, False),
        ({"C0004": False}, False),
        ({"C0002": True}, False),
        ({"C0004": 1}, False),
        ({"C0004": True}, True),
    ],
)
def test_consent_must_be_granted(granted: Any, is_read: bool) -> None:
    """Nothing known is no consent."""
    wanted = BrowserId(cookie="_fbp", consent="C0004")
    found = read_browser_ids([wanted, CLICK], "_fbp=a; cid=b", "", granted)
    assert ("properties.fbp" in found) is is_read
    assert found["properties.click_id"] == "b"
    assert read_browser_ids([wanted], "_fbp=a", "") == {}


@given(cookies=st.text(), query=st.text())
def test_reading_never_raises(cookies: str, query: str) -> None:
    found = read_browser_ids([FBP, CLICK], f"{cookies};cid={cookies}", f"{query}&cid={query}")
    assert all(0 < len(value) <= 2048 and value.isprintable() for value in found.values())


@pytest.mark.parametrize("piece", [";", "&", "=", "%", "cid=%;", "cid=%&", "a", " ", "cid=+&"])
def test_reading_takes_linear_time(piece: str) -> None:
    def seconds(text: str) -> float:
        started = time.process_time()
        read_browser_ids([FBP, CLICK], text, text)
        return time.process_time() - started

    text = piece * (2**20 // len(piece))
    assert min(seconds(text) for _ in range(3)) < 1


# Filled


def test_fill_adds_to_each_part() -> None:
    values = {
        "properties.fbp": "a",
        "properties.user.id": "b",
        "context.device.id": "c",
        "context.device.os.name": "n",
        "integrations.Dub (Actions).dub_id": "d",
        "integrations.Snap.click_id": "e",
        "integrations.Snap.uuid": "f",
        "traits.fbp": "g",
    }
    assert fill(values, properties={"plan": "team"}, context=None, integrations={}) == {
        "properties": {"plan": "team", "fbp": "a", "user": {"id": "b"}},
        "context": {"device": {"id": "c", "os": {"name": "n"}}},
        "integrations": {
            "Dub (Actions)": {"dub_id": "d"},
            "Snap": {"click_id": "e", "uuid": "f"},
        },
    }
    assert fill(values, traits={}) == {"traits": {"fbp": "g"}}


@pytest.mark.parametrize("theirs", ["x", None, "", {"a": 1}])
def test_fill_leaves_the_callers_value(theirs: Any) -> None:
    """Key by key, even None."""
    given = {"fbp": theirs, "user": {"id": theirs}}
    values = {"properties.fbp": "a", "properties.user.id": "b", "properties.user.name": "c"}
    assert fill(values, properties=given) == {
        "properties": {"fbp": theirs, "user": {"id": theirs, "name": "c"}}
    }


@pytest.mark.parametrize("theirs", [None, True, "x", [1], 5])
def test_fill_makes_no_object_of_a_value(theirs: Any) -> None:
    parts = {"properties": {"user": theirs}, "integrations": {"A": {"b": True}}}
    assert fill({"properties.user.id": "b"}, **parts) == parts


@pytest.mark.parametrize("theirs", [[1], "x", 5])
def test_fill_leaves_a_part_that_is_no_dict(theirs: Any) -> None:
    """The SDK says so itself."""
    values = {"properties.fbp": "a", "properties.user.id": "b", "integrations.A.b": "c"}
    parts = {"properties": theirs, "integrations": theirs}
    assert fill(values, **parts) == parts


@pytest.mark.parametrize(
    ("integrations", "filled"),
    [
        (None, {"A.io": {"id": "x"}}),
        ({}, {"A.io": {"id": "x"}}),
        ({"All": True}, {"All": True, "A.io": {"id": "x"}}),
        ({"All": False}, {"All": False}),
        ({"All": False, "B": True}, {"All": False, "B": True}),
        ({"All": False, "A.io": True}, {"All": False, "A.io": {"id": "x"}}),
        ({"All": False, "A.io": {}}, {"All": False, "A.io": {"id": "x"}}),
        ({"A.io": True}, {"A.io": {"id": "x"}}),
        ({"A.io": False}, {"A.io": False}),
        ({"A.io": None}, {"A.io": None}),
        ({"A.io": "yes"}, {"A.io": "yes"}),
        ({"A.io": 1}, {"A.io": 1}),
        ({"A.io": {"id": "y"}}, {"A.io": {"id": "y"}}),
        ({"A.io": {"k": "y"}}, {"A.io": {"k": "y", "id": "x"}}),
    ],
)
def test_fill_respects_integrations(integrations: Any, filled: Any) -> None:
    """An excluded destination gets nothing; True becomes an object, which selects it as well."""
    assert fill({"integrations.A.io.id": "x"}, integrations=integrations) == {
        "integrations": filled
    }


def test_fill_goes_on_after_an_excluded_destination() -> None:
    values = {"integrations.A.id": "x", "integrations.B.id": "y", "properties.id": "z"}
    assert fill(values, integrations={"All": False, "B": True}, properties={}) == {
        "integrations": {"All": False, "B": {"id": "y"}},
        "properties": {"id": "z"},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "All", "A"]), inner, max_size=3),
    max_leaves=8,
)
PATHS = ["properties.a", "properties.a.b", "context.b", "integrations.A.a", "integrations.A.b"]


@given(
    values=st.dictionaries(st.sampled_from(PATHS), st.text(min_size=1)),
    parts=st.dictionaries(st.sampled_from(["properties", "context", "integrations"]), JSON),
)
def test_fill_keeps_everything_of_the_callers(values: dict[str, str], parts: Any) -> None:
    def kept(before: Any, after: Any) -> bool:
        if not isinstance(before, dict) or not before:
            return before == after or before in (None, False, "", {}, True)
        return all(kept(before[key], after[key]) for key in before)

    filled = fill(values, **parts)
    assert filled.keys() == parts.keys()
    assert kept(parts, filled)
