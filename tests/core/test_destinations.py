"""The presets, beside what the published code of Segment's destinations does with an event."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koala_middleware import destinations, places
from koala_middleware.__main__ import main
from koala_middleware.browser_ids import (
    BrowserId,
    read_browser_ids,
)
from koala_middleware.destinations import DESTINATIONS, GOOGLE_ANALYTICS_4, formats
from tests.visitors import ALICE

LINES = Path(__file__).parent.parent / "vectors" / "destinations.ndjson"
VECTORS = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]
PARSERS = [
    formats.ga_client_id,
    formats.ga_session_id,
    formats.google_click_id,
    formats.meta_id,
    formats.fbc_of_fbclid,
    formats.reddit_uuid,
    formats.amplitude_session_id,
]


def preset(vector: dict[str, Any]) -> tuple[BrowserId, ...]:
    named = getattr(destinations, vector["preset"])
    ids: tuple[BrowserId, ...] = named(vector["argument"]) if "argument" in vector else named
    return ids


def values(vector: dict[str, Any]) -> dict[str, str]:
    return read_browser_ids(preset(vector), vector["cookies"], vector["query"])


# The destinations


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['preset']}-{v['action']}")
def test_ids_arrive_at_the_destination(vector: dict[str, Any]) -> None:
    """The event filled from cookies and query is the one that the published code was given."""
    own = "traits" if vector["event"]["type"] == "identify" else "properties"
    parts = {part: vector["event"].get(part) for part in (own, "integrations")}
    places.fill(places.by_place(values(vector)), parts)
    assert {part: value for part, value in parts.items() if value} == vector["filled"]
    assert set(map(str, vector["payload"].values())) <= set(values(vector).values())
    assert set(map(str, vector["sent"].values())) <= set(values(vector).values())
    assert vector["sent"]


@pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda each: each.preset)
def test_every_id_of_a_preset_arrives(destination: destinations.Destination) -> None:
    """By default, except those the listing says must be mapped, which do not."""
    vectors = [vector for vector in VECTORS if vector["preset"] == destination.preset]
    by_default, mapped = set[str](), set[str]()
    for vector in vectors:
        arrived = {str(value) for value in vector["sent"].values()}
        defaults = {str(value) for value in vector["by_default"].values()}
        mapped |= {path for path, value in values(vector).items() if value in arrived}
        by_default |= {path for path, value in values(vector).items() if value in defaults}
    paths = {wanted.path for wanted in destination.ids}
    assert mapped == paths
    assert by_default == paths - destination.mapped_by_hand


def test_table_has_every_preset_and_only_published_names() -> None:
    presets = {name for name in vars(destinations) if re.fullmatch("[A-Z][A-Z0-9_]+", name)}
    assert {each.preset for each in DESTINATIONS} == presets - {"DESTINATIONS", "PRESETS"}
    for each in DESTINATIONS:
        if each.preset != "GOOGLE_ANALYTICS_4":
            assert getattr(destinations, each.preset) is each.ids
        names = {vector["destination"] for vector in VECTORS if vector["preset"] == each.preset}
        assert each.name in names


def test_click_id_of_the_url_is_the_newer_one() -> None:
    found = read_browser_ids(
        destinations.MICROSOFT_BING_CAPI, "analytics_ms_capi_click_id=old", "msclkid=new"
    )
    assert found == {"properties.msclkid": "new"}


def test_fbc_of_the_cookie_comes_before_fbclid() -> None:
    """It has the time of the click."""
    fbc = "fb.1.1554763741205.IwAR2F4"
    ids = destinations.FACEBOOK_CONVERSIONS
    assert read_browser_ids(ids, f"_fbc={fbc}", "fbclid=IwAR2F4") == {"properties.fbc": fbc}


@pytest.mark.parametrize(
    ("measurement_id", "error"),
    [(None, TypeError), (5, TypeError), ("", ValueError), ("UA-1234-1", ValueError)]
    + [(wrong, ValueError) for wrong in ("G-", "G-abc1234", "G-ABC\n", "xG-ABCD", "G-" + 21 * "A")],
)
def test_measurement_id_wrong(measurement_id: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^GOOGLE_ANALYTICS_4: expected a measurement id such as"):
        GOOGLE_ANALYTICS_4(measurement_id)


def test_measurement_id_names_the_cookie() -> None:
    assert GOOGLE_ANALYTICS_4("G-ABCD")[1].cookie == "_ga_ABCD"
    assert GOOGLE_ANALYTICS_4("G-" + 20 * "A")[1].cookie == "_ga_" + 20 * "A"


# The formats


@pytest.mark.parametrize(
    ("parse", "value", "parsed"),
    [
        (formats.ga_client_id, "GA1.1.1234567890.1700000000", "1234567890.1700000000"),
        (formats.ga_client_id, "GA1.2-2.1.2", "1.2"),
        (formats.ga_client_id, "GA1.2-2.1.2.3", None),
        (formats.ga_client_id, "GA2.1.1.2", None),
        (formats.ga_client_id, "xGA1.1.1.2", None),
        (formats.ga_client_id, "GA1.1.1", None),
        (formats.ga_client_id, "GA1.1.a.2", None),
        (formats.ga_client_id, "GA1.1.1.2\n", None),
        (formats.ga_client_id, "GA1.1.1.²", None),
        (formats.ga_session_id, "GS1.1.1690013078.2.1.1690013090.0", "1690013078"),
        (formats.ga_session_id, "GS1.1.1690013078.", "1690013078"),
        (formats.ga_session_id, "GS1.1.1690013078", None),
        (formats.ga_session_id, "GS1.1.s1690013078.2", None),
        (formats.ga_session_id, "GS2.1.s1747132561$o1$g0$t1747132655$j0$l0$h0", "1747132561"),
        (formats.ga_session_id, "GS2.1.o28$t1747323152$s1747323152", "1747323152"),
        (formats.ga_session_id, "GS2.1.sx$s5$s6", "5"),
        (formats.ga_session_id, "GS2.1.o28$t1747323152", None),
        (formats.ga_session_id, "GS2.1.s", None),
        (formats.ga_session_id, "GS2.1.", None),
        (formats.ga_session_id, "GS2.1.o1s5", None),
        (formats.ga_session_id, "GS2.1.xs5", None),
        (formats.ga_session_id, "GS2.1.s5.6$o1", None),
        (formats.ga_session_id, "GS3.1.s1", None),
        (formats.ga_session_id, "xGS2.1.s1", None),
        (formats.google_click_id, "GCL.1700000000.Cj0KCQ-_wcB", "Cj0KCQ-_wcB"),
        (formats.google_click_id, "GCL.1700000000.", None),
        (formats.google_click_id, "GCL.x.Cj0KCQ", None),
        (formats.google_click_id, "1.1.1700000000.1", None),
        (formats.google_click_id, "GCL.1.é", None),
        (formats.meta_id, "fb.1.1596403881668.1116446470", "fb.1.1596403881668.1116446470"),
        (formats.meta_id, "fb.1.1596403881668.1116446470.AQ", "fb.1.1596403881668.1116446470.AQ"),
        (formats.meta_id, "fb.1.1554763741205.IwAR2F4-db_0", "fb.1.1554763741205.IwAR2F4-db_0"),
        (formats.meta_id, "fb.1.1596403881668.", None),
        (formats.meta_id, "fb.10.1.1", None),
        (formats.meta_id, "FB.1.1.1", None),
        (formats.meta_id, "fb.1.1.é", None),
        (formats.meta_id, "fb.1.1.a b", None),
        (formats.fbc_of_fbclid, "", None),
        (formats.fbc_of_fbclid, "a b", None),
        (formats.fbc_of_fbclid, "é", None),
        (formats.reddit_uuid, f"1700000000000.{ALICE}", f"1700000000000.{ALICE}"),
        (formats.reddit_uuid, ALICE, None),
        (formats.reddit_uuid, f"1700000000000.{ALICE}x", None),
        (formats.reddit_uuid, f"x.{ALICE}", None),
        (formats.amplitude_session_id, "1700000000000", "1700000000000"),
        (formats.amplitude_session_id, "1700000000", None),
        (formats.amplitude_session_id, "17000000000000", None),
        (formats.amplitude_session_id, "null", None),
        (formats.amplitude_session_id, "-1", None),
    ],
)
def test_format(parse: Callable[[str], str | None], value: str, parsed: str | None) -> None:
    assert parse(value) == parsed


@pytest.mark.parametrize(
    ("parse", "before", "most", "after"),
    [
        (formats.ga_client_id, "GA1.1.", 20, ".1"),
        (formats.ga_client_id, "GA1.1.1.", 20, ""),
        (formats.ga_client_id, "GA1.", 3, ".1.1"),
        (formats.ga_client_id, "GA1.1-", 3, ".1.1"),
        (formats.ga_session_id, "GS1.1.", 20, ".1"),
        (formats.ga_session_id, "GS1.", 3, ".1.1"),
        (formats.ga_session_id, "GS1.1.1.", 256, ""),
        (formats.ga_session_id, "GS2.1.s", 20, ""),
        (formats.ga_session_id, "GS2.", 3, ".s1"),
        (formats.ga_session_id, "GS2.1.s1$", 509, ""),
        (formats.google_click_id, "GCL.1.", 512, ""),
        (formats.google_click_id, "GCL.", 20, ".a"),
        (formats.meta_id, "fb.1.1.", 1024, ""),
        (formats.meta_id, "fb.1.", 20, ".1"),
        (formats.fbc_of_fbclid, "", 1024, ""),
        (formats.reddit_uuid, "", 20, f".{ALICE}"),
    ],
)
def test_format_is_bounded(
    parse: Callable[[str], str | None], before: str, most: int, after: str
) -> None:
    assert parse(before + "1" * most + after)
    assert parse(before + "1" * (most + 1) + after) is None


def test_fbc_of_fbclid_has_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_554_763_741_205_999_999)
    assert formats.fbc_of_fbclid("IwAR2F4-_.~") == "fb.1.1554763741205.IwAR2F4-_.~"


PIECES = ["GA1.", "GS1.", "GS2.", "GCL.", "fb.", "1", ".", "-", "$", "s", "é", "\n", ALICE]
TEXTS = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(value=TEXTS)
def test_format_never_raises(parse: Callable[[str], str | None], value: str) -> None:
    """What is returned stands in the value, printable and bounded; that of fbclid has it."""
    parsed = parse(value)
    if parsed is not None:
        assert value in parsed if parse is formats.fbc_of_fbclid else parsed in value
        assert 0 < len(parsed) <= 1100
        assert parsed.isascii()
        assert parsed.isprintable()


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
def test_format_takes_linear_time(parse: Callable[[str], str | None]) -> None:
    for start in ("", "GA1.1.", "GS1.1.", "GS2.1.", "GCL.1.", "fb.1."):
        for piece in ("1", "a", ".", "1.", "$", "s$", "s1", "1-"):
            value = start + piece * 10**6
            started = time.process_time()
            assert parse(value) is None
            assert time.process_time() - started < 0.5


# The command


def test_command_lists_every_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["destinations"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [re.split(r"  +", line) for line in lines]
    for each in DESTINATIONS:
        assert [f"{each.preset} ({each.name})"] in listed
        for wanted in each.ids:
            source = wanted.cookie or f"?{wanted.query}"
            there = "if you map it" if wanted.path in each.mapped_by_hand else "by default"
            assert [source, wanted.path, there] in [[row[0], *row[2:]] for row in listed]
    assert listed[0] == ["reads", "set by", "goes to", "read there"]
    assert ["_fbp", "Meta's pixel", "properties.fbp", "by default"] in listed
    assert max(map(len, lines)) < 160


def test_command_ends_quietly_when_its_reader_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``koala-middleware destinations | head``."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["destinations"]) == 1
