"""inject() and extract(): what crosses, and what is refused on the way in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
import segment.analytics as analytics
from hypothesis import given
from hypothesis import strategies as st

import koala_middleware as koala
from koala_middleware.carrier import KEY, read_visitor
from koala_middleware.current import call_as
from koala_middleware.visitor import Visitor
from koala_middleware.wsgi import KoalaMiddleware
from tests.visitors import ALICE, BOB, start_response, track

Events = list[dict[str, Any]]

FBP = koala.BrowserId(cookie="_fbp", path="properties.fbp")
GA = koala.BrowserId(cookie="_ga", path="integrations.Google Analytics.clientId")


def carrier_of(visitor: Visitor | None) -> dict[str, str]:
    """Return what is written for a visitor."""
    carrier: dict[str, str] = {}
    call_as(visitor, koala.inject, carrier)
    return carrier


def carrier_of_request(cookies: str, /, bound: Mapping[str, Any] = {}, **options: Any) -> Any:
    """Return what is written in a request with these cookies, which binds these properties."""
    carrier: dict[str, str] = {}

    def site(environ: Any, start_response: Any) -> list[bytes]:
        koala.bind(**bound)
        koala.inject(carrier)
        start_response("200 OK", [])
        return []

    KoalaMiddleware(site, **options)({"HTTP_COOKIE": cookies}, start_response)
    return carrier


def extracted(text: object, options: koala.Options | None = None) -> Any:
    """Return who is current with this under our key, and what is bound."""
    with koala.extract({KEY: text}, options=options):
        visitor = koala.current_visitor()
        return None if visitor is None else (visitor.profile_id, visitor.anonymous_id)


def written(**fields: object) -> str:
    return json.dumps({"version": 1, **fields})


# What crosses


def test_visitor_crosses_and_whoever_was_current_is_again() -> None:
    carrier = carrier_of_request(f"ko_id={ALICE}; ajs_anonymous_id=%22a%22")
    with koala.profile(BOB):
        with koala.extract(carrier) as visitor:
            assert (koala.get_profile_id(), visitor.anonymous_id) == (ALICE, "a")
        assert koala.get_profile_id() == BOB
    assert koala.current_visitor() is None


def test_all_of_it_is_in_the_events(events: Events) -> None:
    """Each browser's id where its destination reads it, also where no option names it."""
    carrier = carrier_of_request(
        f"ko_id={ALICE}; _fbp=fb.1; _ga=GA1", {"plan": "team"}, browser_ids=(FBP, GA)
    )
    koala.instrument()
    with koala.extract(carrier):
        track("later")
        analytics.identify("u1")
        assert koala.get_browser_ids() == {FBP.path: "fb.1", GA.path: "GA1"}
    properties = {"plan": "team", "profile_id": ALICE, "fbp": "fb.1"}
    assert events[0]["properties"] == properties
    assert events[0]["integrations"] == {"Google Analytics": {"clientId": "GA1"}}
    assert events[1]["traits"] == {}


def test_browser_ids_are_added_whatever_else_the_options_want(events: Events) -> None:
    """There is no request to ask for a context, an email or a consent."""
    carrier = carrier_of_request("_fbp=fb.1", browser_ids=(FBP,))
    options = koala.Options(context=True, email=lambda request: "a@b.c", consent=lambda request: {})
    koala.instrument()
    with koala.extract(carrier, options=options):
        track("later")
        assert koala.explain().path is None
    assert events[0]["properties"] == {"fbp": "fb.1"}
    assert events[0]["context"].keys() == {"library"}


def test_carrier_has_one_string() -> None:
    carrier = carrier_of(Visitor(ALICE, "é"))
    assert carrier.keys() == {"koala_visitor"}
    assert json.loads(carrier[KEY]) == {"version": 1, "profile_id": ALICE, "anonymous_id": "é"}
    assert carrier[KEY].isascii()
    assert " " not in carrier[KEY]


@pytest.mark.parametrize("visitor", [None, Visitor(), Visitor("x" * 256, "a\nb")])
def test_nobody_leaves_no_key(visitor: Visitor | None) -> None:
    """Nor the one of somebody for whom the mapping was used before."""
    carrier = {KEY: "old", "tenant": "t"}
    for _ in range(2):
        call_as(visitor, koala.inject, carrier)
        assert carrier == {"tenant": "t"}


def test_visitor_of_a_message_may_have_no_ids_of_the_browser() -> None:
    visitor = read_visitor({KEY: written(profile_id=ALICE)}, koala.Options())
    assert visitor.details is None
    assert repr(visitor) == "<Visitor: profile id known, no anonymous id>"


def test_carrier_without_the_key_is_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with koala.profile(ALICE), koala.extract({}):
        assert koala.current_visitor() is None
    options = koala.Options(property_name="visitor")
    assert read_visitor({}, options).options is options
    assert caplog.text == ""


def test_bound_properties_cross_as_far_as_they_are_json() -> None:
    class Raising(dict[str, int]):
        def values(self) -> Any:
            raise KeyError

    deep: list[Any] = json.loads(15 * "[" + 15 * "]")
    bound = {"plan": "team", "tags": deep, "when": object(), "ratio": float("nan")}
    others = {"pair": (1,), "deep": [deep], "lazy": {"raising": Raising(a=1)}, "profile_id": BOB}
    carrier = carrier_of_request("", {**bound, **others})
    with koala.extract(carrier):
        koala.inject(carrier)
    assert json.loads(carrier[KEY]) == {
        "version": 1,
        "properties": {"plan": "team", "tags": deep},
    }


def test_bound_property_is_read_once() -> None:
    """Another thread may change it meanwhile, and the caller of inject() has no fault in that."""

    class Changing(dict[str, int]):
        reads = 0

        def items(self) -> Any:
            self.reads += 1
            if self.reads > 1:
                raise RuntimeError("dictionary changed size during iteration")
            return super().items()

    carrier = carrier_of_request("", {"limits": Changing(a=1)})
    assert json.loads(carrier[KEY])["properties"] == {"limits": {"a": 1}}


def test_what_is_too_large_stays_behind() -> None:
    carrier = carrier_of_request(f"ko_id={ALICE}", {"text": "x" * 9000})
    assert json.loads(carrier[KEY]) == {"version": 1, "profile_id": ALICE}


def test_longest_ids_and_carrier_cross() -> None:
    text = written(profile_id=255 * "a", anonymous_id=255 * "b", properties={"a": 8183 * "x"})
    options = koala.Options(parse=str)
    assert extracted(text.ljust(20_000), options) == (255 * "a", 255 * "b")
    assert extracted(text.ljust(20_001), options) is None


def test_extract_decorates_functions_of_both_kinds() -> None:
    carrier = carrier_of(Visitor(ALICE))

    @koala.extract(carrier)
    def work() -> str | None:
        return koala.get_profile_id()

    @koala.extract(carrier)
    async def work_later() -> str | None:
        return koala.get_profile_id()

    async def work_in_block() -> str | None:
        async with koala.extract(carrier):
            return koala.get_profile_id()

    assert work() == asyncio.run(work_later()) == asyncio.run(work_in_block()) == ALICE


# What is refused


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("nonsense", id="not JSON"),
        pytest.param(7, id="number"),
        pytest.param(b"{}", id="bytes"),
        pytest.param("[]", id="list"),
        pytest.param("{}", id="without a version"),
        pytest.param('{"version":0}', id="old"),
        pytest.param(json.dumps({"version": 2, "profile_id": ALICE}), id="future"),
        pytest.param("[" * 19_000, id="deep"),
        pytest.param(written(profile_id=ALICE) + " " * 20_000, id="huge"),
        pytest.param(written(profile_id=ALICE)[:-9], id="cut off"),
        pytest.param(written(profile_id="no uuid"), id="profile id"),
        pytest.param(written(profile_id=[ALICE]), id="list of profile ids"),
        pytest.param(written(profile_id=ALICE + "-" * 8000), id="long profile id"),
        pytest.param(written(profile_id=""), id="empty profile id"),
        pytest.param(written(profile_id=ALICE, anonymous_id="a\nb"), id="anonymous id"),
        pytest.param(written(profile_id=ALICE, anonymous_id=7), id="number as anonymous id"),
        pytest.param(written(profile_id=ALICE, properties=["a"]), id="properties"),
        pytest.param(written(properties={"profile_id": "x"}), id="profile id as a property"),
        pytest.param(written(profile_id=ALICE, properties={"a": "x" * 9000}), id="many"),
        pytest.param('{"version":1,"properties":{"a":1e999}}', id="infinity"),
        pytest.param('{"version":1,"properties":{"a":' + "[" * 99 + "]" * 99 + "}}", id="nested"),
        pytest.param(written(browser_ids="a"), id="browser's ids"),
        pytest.param(
            written(browser_ids={f"properties.{n}": 2000 * "x" for n in range(5)}),
            id="many of a browser's ids",
        ),
        pytest.param(written(browser_ids={"properties.fbp": 7}), id="browser's id"),
        pytest.param(written(browser_ids={"userId": "x"}), id="another place"),
        *(
            pytest.param(written(browser_ids={place: "x"}), id=place)
            for place in (
                "properties.profile_id",
                "properties.profile_id.deeper",
                "traits.profile_id",
                "context.consent.categoryPreferences.ads",
                "context.koala.cause",
            )
        ),
        pytest.param(written(browser_ids={"properties.fbp": "x" * 2049}), id="long browser's id"),
    ],
)
def test_carrier_that_is_wrong_is_nobody(text: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, without what it was."""
    for _ in range(2):
        assert extracted(text) is None
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert message.startswith("the visitor of a message was refused, so its work has nobody: ")
    assert ALICE not in caplog.text


@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_text_is_nobody(text: str) -> None:
    assert extracted(text) is None


@given(
    st.dictionaries(
        st.sampled_from(["version", "profile_id", "anonymous_id", "properties", "browser_ids"]),
        st.recursive(
            st.none() | st.just(1) | st.just(ALICE) | st.text() | st.floats(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    ),
    st.integers(0, 200),
    st.characters(),
)
def test_tampered_carrier_is_somebody_valid_or_nobody(
    fields: dict[str, Any], place: int, character: str
) -> None:
    """Whatever is in it, or one character of what we write is another."""
    text = carrier_of(Visitor(ALICE, "a"))[KEY]
    for tampered in (json.dumps(fields), text[:place] + character + text[place + 1 :]):
        visitor = extracted(tampered)
        if visitor is not None and visitor[0] is not None:
            assert koala.parse_profile_id(visitor[0]) == visitor[0]


def test_carrier_that_is_no_mapping_is_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with koala.extract(7):  # type: ignore[arg-type]
        assert koala.current_visitor() is None
    assert len(caplog.records) == 1


def test_own_parse_is_asked_again_as_nobody() -> None:
    seen: list[object] = []

    def parse(value: str) -> Any:
        seen.append(koala.get_profile_id())
        return UUID(value) if value == ALICE else None

    options = koala.Options(parse=parse)
    with koala.profile(BOB):
        assert extracted(written(profile_id=ALICE), options) == (ALICE, None)
        assert extracted(written(profile_id=BOB), options) is None
    assert seen == [None, None]


def test_parse_gets_no_long_text() -> None:
    options = koala.Options(parse=lambda value: value[:36])
    assert extracted(written(profile_id=ALICE + 220 * "-"), options) is None


def test_parse_that_fails_refuses(caplog: pytest.LogCaptureFixture) -> None:
    for parse in (lambda value: str(1 / 0), lambda value: value * 9):
        assert extracted(written(profile_id=ALICE), koala.Options(parse=parse)) is None
    assert "ZeroDivisionError" in caplog.text
    assert ALICE not in caplog.text


def test_options_are_those_of_the_request_unless_they_are_given(events: Events) -> None:
    koala.instrument()
    carrier = carrier_of(Visitor(ALICE))
    options = koala.Options(property_name="visitor")
    with koala.extract(carrier, options=options):
        track("given")
    with koala.profile(BOB, options=options), koala.extract(carrier):
        track("of the request")
    assert [event["properties"] for event in events] == [{"visitor": ALICE}] * 2
