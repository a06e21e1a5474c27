"""One cookie out of a raw Cookie header."""

from __future__ import annotations

import re
import time

import pytest
from django.http import parse_cookie as django_parse
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_cookie as werkzeug_parse

from koala_middleware import parse_profile_id
from koala_middleware.cookies import cookie_values, parse_anonymous_id
from tests.visitors import ALICE, BOB


@pytest.mark.parametrize(
    ("header", "values"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a=1; b=2", [], id="absent"),
        pytest.param("ko_id=x", ["x"], id="alone"),
        pytest.param("a=1; ko_id=x; b=2", ["x"], id="between"),
        pytest.param("a=1;ko_id=x;b=2", ["x"], id="no-spaces"),
        pytest.param(" \tko_id=x \t;", ["x"], id="white-space"),
        pytest.param("\xa0ko_id=y; ko_id=\xa0x\x0b", ["\xa0x\x0b"], id="other-white-space"),
        pytest.param("Xko_id=y; ko_id=X", ["X"], id="capital-x"),
        pytest.param("ko_id=x; ko_id=y", ["x", "y"], id="twice"),
        pytest.param("ko_id=", [""], id="no-value"),
        pytest.param("ko_id; ko_id=x", ["x"], id="bare-word-of-the-same-name"),
        pytest.param("word; ko_id=x", ["x"], id="bare-word"),
        pytest.param('j={"a":1}; ko_id=x', ["x"], id="json-neighbour"),
        pytest.param('j="a; ko_id=x', ["x"], id="open-quote-neighbour"),
        pytest.param("=; ;;ko_id=x", ["x"], id="empty-neighbours"),
        pytest.param("my_ko_id=y; ko_id=x", ["x"], id="longer-name"),
        pytest.param("ko_id2=y; ko_id=x", ["x"], id="longer-name-after"),
        pytest.param("a=ko_id=y; ko_id=x", ["x"], id="inside-a-value"),
        pytest.param("a ko_id=y; ko_id=x", ["x"], id="inside-a-value-after-a-space"),
        pytest.param("KO_ID=y", [], id="other-case"),
        pytest.param("ko_id=a=b", ["a=b"], id="equals-in-value"),
        pytest.param("ko_id=x=ko_id=y", ["x=ko_id=y"], id="itself-inside-its-value"),
        pytest.param("ko_id=\xff\x00", ["\xff\x00"], id="raw-bytes"),
        pytest.param("ko_id=" + "x" * 4096, ["x" * 4096], id="longest"),
        pytest.param("ko_id=" + "x" * 4097 + "; ko_id=x", ["x"], id="too-long"),
        pytest.param("a=b,ko_id=x", ["x"], id="joined-with-a-comma"),
        pytest.param("a=b, ko_id=x, c=d;e=f", ["x"], id="joined-with-a-comma-and-a-space"),
        pytest.param("ko_id=x,a=b", ["x,a=b", "x"], id="joined-to-the-next"),
        pytest.param("a=b;c=d,ko_id=y,ko_id=z; ko_id=x", ["x", "y", "z", "x"], id="joined-later"),
        pytest.param('j={"a":1,ko_id=y}; ko_id=x', ["x", "y}", "x"], id="json-with-the-name"),
        pytest.param("ko_id=x,y", ["x,y"], id="comma-in-value"),
        pytest.param("a=b,my_ko_id=y", [], id="joined-longer-name"),
        pytest.param("a=b,ko_id=" + "x" * 4097, [], id="joined-and-too-long"),
    ],
)
def test_cookie_values(header: str, values: list[str]) -> None:
    assert list(cookie_values(header, "ko_id")) == values


def test_cookie_values_are_bounded() -> None:
    assert len(list(cookie_values("ko_id=x;" * 10_000, "ko_id"))) == 64


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("ko_id=x;" * 100_000, id="many"),
        pytest.param("xko_id=x;" * 100_000, id="many-longer-names"),
        pytest.param("ko_id=" * 100_000, id="one-in-itself"),
        pytest.param("ko_id=" + " " * 800_000, id="white-space-after"),
        pytest.param((" " * 1000 + "ko_id=") * 800, id="white-space-before"),
        pytest.param("ko_id=" + "%22" * 300_000, id="encoded"),
        pytest.param("ko_id=" + "a" * 800_000, id="long"),
        pytest.param("a=b,ko_id=x" * 70_000, id="joined"),
        pytest.param("xko_id=," + "," * 800_000, id="commas"),
        pytest.param("xko_id=," + ",a" * 400_000, id="commas-and-names"),
        pytest.param("xko_id=," + (", " + " " * 1000) * 800, id="commas-and-white-space"),
    ],
)
def test_cookie_values_of_a_hostile_header_take_no_time(header: str) -> None:
    """800 KB, a hundred times what servers accept, in the time of a few passes over it."""
    start = time.process_time()
    assert not any(map(parse_profile_id, cookie_values(header, "ko_id")))
    assert time.process_time() - start < 0.25


NAMES = st.text("abkoid_", min_size=1, max_size=6) | st.just("ko_id")
VALUES = st.text("abc019-._~!#$&'()*+/:<=>?@[]^`{|}", max_size=12)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


@given(PAIRS)
def test_cookie_values_agree_with_werkzeug_and_django(pairs: list[tuple[str, str]]) -> None:
    """On well-formed headers; of duplicates Werkzeug keeps the first, Django the last."""
    header = "; ".join(f"{name}={value}" for name, value in pairs)
    values = list(cookie_values(header, "ko_id"))
    assert values == werkzeug_parse(header).getlist("ko_id")
    assert values[-1:] == [value for key, value in django_parse(header).items() if key == "ko_id"]


def by_splitting(header: str, name: str) -> list[str]:
    pairs = [pair.strip(" \t").partition("=") for pair in header.split(";")]
    return [value.strip(" \t") for key, equals, value in pairs if key == name and equals]


@given(st.lists(st.sampled_from(["ko_id", "=", ";", " ", "\t", '"', "x", "\x00", "é", ","])))
def test_cookie_values_of_any_text(pieces: list[str]) -> None:
    header = "".join(pieces)
    assert list(cookie_values(header, "ko_id")) == by_splitting(header, "ko_id")


@given(st.text())
def test_cookie_values_never_raise(header: str) -> None:
    for value in [header, *cookie_values(header, "o")]:
        parse_profile_id(value)
        parse_anonymous_id(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(ALICE, ALICE, id="plain"),
        pytest.param(ALICE.upper(), ALICE.upper(), id="upper-case-as-sent"),
        pytest.param("6BA7B810-9dad-11d1-80b4-00c04fd430c8", None, id="any-version"),
        pytest.param(f'"{ALICE}"', ALICE, id="quoted"),
        pytest.param(f"%22{ALICE}%22", ALICE, id="quoted-and-encoded"),
        pytest.param(ALICE.replace("-", "%2D"), ALICE, id="encoded"),
        pytest.param("".join(f"%{ord(c):02x}" for c in f'"{ALICE}"'), ALICE, id="all-encoded"),
        pytest.param("", None, id="empty"),
        pytest.param('""', None, id="empty-quotes"),
        pytest.param('"', None, id="one-quote"),
        pytest.param(f'""{ALICE}""', None, id="two-pairs-of-quotes"),
        pytest.param(f"%2522{ALICE}%2522", None, id="encoded-twice"),
        pytest.param(f"'{ALICE}'", None, id="single-quotes"),
        pytest.param("{" + ALICE + "}", None, id="braces"),
        pytest.param(f"urn:uuid:{ALICE}", None, id="urn"),
        pytest.param(ALICE.replace("-", ""), None, id="no-hyphens"),
        pytest.param("-" * 8000 + ALICE, None, id="8000-hyphens"),
        pytest.param(ALICE + "\n", None, id="newline"),
        pytest.param(ALICE + "\x00", None, id="nul"),
        pytest.param(ALICE[:-1] + "٣", None, id="arabic-digit"),
        pytest.param(ALICE[:-1] + "g", None, id="no-hex-digit"),
        pytest.param(ALICE + "%FF", None, id="no-utf-8"),
        pytest.param("%" + ALICE, None, id="broken-encoding"),
        pytest.param("a" * 100_000, None, id="100-kb"),
    ],
)
def test_parse_profile_id(value: str, expected: str | None) -> None:
    if value.startswith("6BA7"):
        expected = value
    assert parse_profile_id(value) == expected


@given(st.from_regex(re.compile("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.I), fullmatch=True))
def test_parse_profile_id_of_any_uuid(value: str) -> None:
    expected = value if value.isascii() else None
    assert parse_profile_id(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(ALICE, ALICE, id="plain"),
        pytest.param(f"%22{BOB}%22", BOB, id="old-version"),
        pytest.param("my own%20id", "my own id", id="set-by-the-site"),
        pytest.param("a", "a", id="one-character"),
        pytest.param('"', '"', id="one-quote"),
        pytest.param("caf%C3%A9", "café", id="utf-8"),
        pytest.param("", None, id="empty"),
        pytest.param("%22%22", None, id="empty-quotes"),
        pytest.param("a%0Ab", None, id="newline"),
        pytest.param("a\x00b", None, id="nul"),
        pytest.param("%FF", None, id="no-utf-8"),
        pytest.param("caf\xc3\xa9", None, id="raw-bytes"),
        pytest.param("a" * 255, "a" * 255, id="longest"),
        pytest.param("a" * 256, None, id="too-long"),
        pytest.param("%61" * 255, "a" * 255, id="longest-encoded"),
        pytest.param("%C3%A9" * 128, None, id="too-long-encoded"),
        pytest.param("a" * 100_000, None, id="100-kb"),
    ],
)
def test_parse_anonymous_id(value: str, expected: str | None) -> None:
    assert parse_anonymous_id(value) == expected
