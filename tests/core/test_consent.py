"""Readers of consent banners' cookies."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from koala_middleware import tc_string
from koala_middleware.consent import Reader, cookiebot, didomi, onetrust, tcf

LINES = Path(__file__).parent.parent / "vectors" / "tc_strings.ndjson"
TC_STRINGS = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]

ONETRUST = (
    "isGpcEnabled=0&datestamp=Mon+Dec+23+2024+15%3A59%3A31+GMT%2B0800&version=202312.1.0"
    "&landingPath=NotLandingPage&groups=C0004%3A0%2CC0001%3A1&AwaitingReconsent=false"
)
COOKIEBOT = (
    "{stamp:'Ov4gD1JVnDnBaJv8K2wYQ/AKO768tibZYdQ==',necessary:true,preferences:false,"
    "statistics:true,marketing:false,method:'explicit',ver:1,utc:1700000000000,region:'gb'}"
)
DIDOMI = {
    "user_id": "1788a16c",
    "vendors": {"enabled": ["google"]},
    "purposes": {"enabled": ["cookies"], "disabled": ["geolocation_data"]},
    "version": 2,
}
READERS: dict[str, Callable[..., Reader]] = {
    "OptanonConsent": onetrust,
    "CookieConsent": cookiebot,
    "didomi_token": didomi,
    "euconsent-v2": tcf,
}


def encoded(value: object) -> str:
    return b64encode(json.dumps(value).encode()).decode()


def read(reader: Reader, value: str, cookie: str) -> Any:
    return reader({"HTTP_COOKIE": f"a=b; {cookie}={value}"})


# OneTrust


@pytest.mark.parametrize(
    ("value", "preferences"),
    [
        (ONETRUST, {"C0004": False, "C0001": True}),
        (quote(ONETRUST, safe=""), {"C0004": False, "C0001": True}),
        ("groups=1%3A1%2C2%3A0", {"1": True, "2": False}),
        ("groups=C0001:1,C0002:0", {"C0001": True, "C0002": False}),
        ("groups=a%3Ab%3A1", {"a:b": True}),
        ("groups=a=b%3A1", {"a=b": True}),
        ("groups=C0001%3A1%2CC0002%3A2%2CC0003%2C%3A1%2C", {"C0001": True}),
        ("landingPath=https%3A%2F%2Fa.b%2F%3Fx%26groups%3DC4%3A1&groups=C4%3A0", {"C4": False}),
        ("groups=C4%3A0&groups=C4%3A1", {"C4": False}),
        ("xgroups=C4%3A1", None),
        ("groups=", None),
        ("groups", None),
        ("", None),
    ],
)
def test_onetrust(value: str, preferences: Any) -> None:
    """The landing page's URL, which a link decides, is not taken for the visitor's choice."""
    assert read(onetrust(), value, "OptanonConsent") == preferences


# Cookiebot


@pytest.mark.parametrize("value", [COOKIEBOT, quote(COOKIEBOT)])
def test_cookiebot(value: str) -> None:
    assert read(cookiebot(), value, "CookieConsent") == {
        "necessary": True,
        "preferences": False,
        "statistics": True,
        "marketing": False,
    }


@pytest.mark.parametrize(("value", "granted"), [("0", False), ("-1", True)])
def test_cookiebot_number(value: str, granted: bool) -> None:
    """0 is a visitor who declined, -1 one in a region where nobody is asked."""
    assert read(cookiebot(), value, "CookieConsent") == {
        "necessary": True,
        "preferences": granted,
        "statistics": granted,
        "marketing": granted,
    }


@pytest.mark.parametrize(
    ("value", "preferences"),
    [
        ("{marketing:true}", {"marketing": True}),
        ("{marketing:truex}", None),
        ("{xmarketing:true}", None),
        ("{sale:true,other:'x'}", None),
        ("1", None),
        ("", None),
    ],
)
def test_cookiebot_odd(value: str, preferences: Any) -> None:
    assert read(cookiebot(), value, "CookieConsent") == preferences


# Didomi


@pytest.mark.parametrize(
    ("token", "preferences"),
    [
        (DIDOMI, {"cookies": True, "geolocation_data": False}),
        ({"purposes": {"enabled": ["a", "b"]}}, {"a": True, "b": True}),
        ({"purposes": {"disabled": ["a"]}}, {"a": False}),
        ({"purposes": {"enabled": ["a"], "disabled": ["a"]}}, {"a": False}),
        ({"purposes": {"enabled": ["a", 5, None, [], {}]}}, {"a": True}),
        ({"purposes": {"enabled": "abc", "disabled": {"d": 1}}}, None),
        ({"purposes": {}}, None),
        ({"purposes": []}, None),
        ({"purposes": None}, None),
        ({"vendors": {}}, None),
        ([], None),
        (None, None),
        ("purposes", None),
    ],
)
def test_didomi(token: Any, preferences: Any) -> None:
    """An id that is both enabled and disabled is denied."""
    assert read(didomi(), encoded(token), "didomi_token") == preferences
    assert read(didomi(), encoded(token).rstrip("="), "didomi_token") == preferences
    assert read(didomi(), quote(encoded(token), safe=""), "didomi_token") == preferences


@pytest.mark.parametrize("value", ["", "x", "é", "e30", "W1tb", b64encode(b"[" * 3000).decode()])
def test_didomi_odd(value: str) -> None:
    assert read(didomi(), value, "didomi_token") is None


# The IAB's framework


@pytest.mark.parametrize("vector", TC_STRINGS, ids=lambda vector: str(vector["purposes"]))
def test_tcf(vector: dict[str, Any]) -> None:
    """Purposes and vendors are those that the IAB's own encoder was given."""
    wanted = [1, 2, 3, 4, 9, 10, 28, 754, 755, 756, 793, 1126, 65535]
    preferences = read(tcf(vendors=wanted), vector["text"], "euconsent-v2")
    assert preferences == {
        **{f"purpose_{purpose}": purpose in vector["purposes"] for purpose in range(1, 12)},
        **{f"vendor_{vendor}": vendor in vector["vendors"] for vendor in wanted},
    }
    assert len(read(tcf(), vector["text"], "euconsent-v2")) == 11


def bits(*fields: tuple[int, int]) -> str:
    """Return a core string of version 2 with these fields, value and length, after 152 bits."""
    text = "000010" + "0" * 146 + "".join(f"{value:0{length}b}" for value, length in fields)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    sextets = [text[at : at + 6].ljust(6, "0") for at in range(0, len(text), 6)]
    sextets += ["000000"] * (-len(sextets) % 4)
    return "".join(alphabet[int(sextet, 2)] for sextet in sextets)


NO_PURPOSE = (0, 61)


def test_tcf_vendors_in_ranges() -> None:
    ranges = (1, 1), (3, 16), (5, 16), (0, 1), (40000, 16), (0, 1), (8, 16)
    text = bits(NO_PURPOSE, (40000, 16), (1, 1), (3, 12), *ranges)
    wanted = [*range(1, 11), 39999, 40000]
    decoded = tc_string.decode(text, wanted) or {}
    assert [vendor for vendor in wanted if decoded[f"vendor_{vendor}"]] == [3, 4, 5, 8, 40000]


def test_tcf_vendors_in_bits() -> None:
    """Those beyond the greatest id of the string are not granted, whatever bits come there."""
    decoded = tc_string.decode(bits(NO_PURPOSE, (3, 16), (0, 1), (0b0111, 4)), range(1, 5)) or {}
    assert [vendor for vendor in range(1, 5) if decoded[f"vendor_{vendor}"]] == [2, 3]


def test_tcf_vendor_in_the_last_bit() -> None:
    decoded = tc_string.decode(bits(NO_PURPOSE, (10, 16), (0, 1), (1, 10)), [9, 10]) or {}
    assert (decoded["vendor_9"], decoded["vendor_10"]) == (False, True)


@pytest.mark.parametrize("padding", ["AA", "AAA", "AAAA"])
def test_tcf_needs_no_padding(padding: str) -> None:
    """A string of whole bytes may have any length that base64 has."""
    text = bits(NO_PURPOSE, (10, 16), (0, 1), (1, 10))
    assert tc_string.decode(text + padding, [9, 10]) == tc_string.decode(text, [9, 10])
    assert tc_string.decode(text + "A", [9, 10]) is None
    assert tc_string.decode(text[:38], [1]) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (".CAAA", "no core"),
        ("B" + TC_STRINGS[0]["text"][1:], "version 1"),
        (TC_STRINGS[0]["text"][:27], "no whole sextets"),
        (TC_STRINGS[0]["text"][:28], "cut in the purposes"),
        (TC_STRINGS[0]["text"][:36], "cut in the vendors"),
        (bits(NO_PURPOSE, (9, 16), (1, 1), (99, 12)), "cut in the ranges"),
        (bits(NO_PURPOSE, (99, 16), (0, 1)), "cut in the bits"),
        (TC_STRINGS[0]["text"].replace("_", "!"), "no base64url"),
        ("C" * 8196, "too long"),
    ],
)
def test_tcf_odd(text: str, why: str) -> None:
    assert tc_string.decode(text, [55]) is None, why


def test_tcf_longest() -> None:
    assert tc_string.decode("C" * 8192)


@pytest.mark.parametrize(
    ("vendors", "error"),
    [([0], ValueError), ([65536], ValueError), (["755"], TypeError), ([True], TypeError)],
)
def test_vendor_wrong(vendors: Any, error: type[Exception]) -> None:
    message = "^tcf: expected vendors, each an int from 1 to 65535, got "
    with pytest.raises(error, match=message):
        tcf(vendors=vendors)


def test_vendors_are_read_once() -> None:
    """A generator, too, is good for every request."""
    reader = tcf(vendors=(vendor for vendor in [1]))  # type: ignore[arg-type]
    for _ in range(2):
        assert "vendor_1" in read(reader, TC_STRINGS[0]["text"], "euconsent-v2")


# Every banner


@pytest.mark.parametrize(("cookie", "banner"), READERS.items(), ids=READERS)
def test_unknown(cookie: str, banner: Callable[..., Reader]) -> None:
    """Nothing known is omitted, which Segment lets pass, or an empty dict, which it does not."""
    for request in ({}, {"HTTP_COOKIE": "a=b"}, {"HTTP_COOKIE": f"{cookie}=!"}):
        assert banner()(request) is None
        assert banner(unknown="omit")(request) is None
        assert banner(unknown="deny")(request) == {}


@pytest.mark.parametrize("banner", READERS.values(), ids=READERS)
def test_parameter_wrong(banner: Callable[..., Reader]) -> None:
    with pytest.raises(ValueError, match=r"^unknown: expected 'omit' or 'deny', got 'grant'$"):
        banner(unknown="grant")
    for gpc in ("C0004", [4]):
        with pytest.raises(TypeError, match=r"^gpc: expected names of categories, each a str, got"):
            banner(gpc=gpc)


def test_first_valid_cookie() -> None:
    request = {
        "HTTP_COOKIE": "OptanonConsent=x; OptanonConsent=groups=a:1; OptanonConsent=groups=a:0"
    }
    assert onetrust()(request) == {"a": True}


@pytest.mark.parametrize(
    ("header", "cookie", "preferences"),
    [
        ("1", "groups=C1:1,C4:1", {"C1": True, "C4": False}),
        ("1", "", {"C4": False}),
        ("0", "groups=C1:1,C4:1", {"C1": True, "C4": True}),
        ("0", "", {}),
        (None, "", {}),
    ],
)
def test_gpc_denies(header: str | None, cookie: str, preferences: Any) -> None:
    """The categories given, where the browser sends Sec-GPC: 1, whatever the cookie says."""
    request = {"HTTP_COOKIE": f"OptanonConsent={cookie}", "HTTP_SEC_GPC": header}
    assert onetrust(gpc=["C4"], unknown="deny")(request) == preferences


def test_gpc_is_for_those_who_ask() -> None:
    request = {"HTTP_COOKIE": "OptanonConsent=groups=C4:1", "HTTP_SEC_GPC": "1"}
    assert onetrust()(request) == {"C4": True}
    assert onetrust()({"HTTP_SEC_GPC": "1"}) is None


def test_request_of_every_adapter() -> None:
    header = "OptanonConsent=groups=C4:1"
    scope = {"type": "http", "headers": [(b"cookie", header.encode())]}
    reader = onetrust()
    assert reader({"HTTP_COOKIE": header}) == {"C4": True}
    assert reader(scope) == {"C4": True}
    assert reader(Request(scope)) == {"C4": True}
    assert reader(RequestFactory(headers={"cookie": header}).get("/")) == {"C4": True}
    with Flask(__name__).test_request_context(headers={"cookie": header}) as context:
        assert reader(context.request) == {"C4": True}


@pytest.mark.parametrize(("cookie", "banner"), READERS.items(), ids=READERS)
@given(value=st.text() | st.binary().map(lambda data: b64encode(data).decode()))
def test_reader_never_raises(cookie: str, banner: Callable[..., Reader], value: str) -> None:
    preferences = banner()({"HTTP_COOKIE": f"{cookie}={value}"})
    assert preferences is None or set(map(type, preferences.values())) == {bool}


@pytest.mark.parametrize(("cookie", "banner"), READERS.items(), ids=READERS)
def test_reader_takes_linear_time(cookie: str, banner: Callable[..., Reader]) -> None:
    for piece in ("a", ",", "&", ":", "groups=", "a:1,", "{marketing:", "%", "W1", "C", "____"):
        request = {"HTTP_COOKIE": f"{cookie}={piece * (4096 // len(piece))};" * 64}
        started = time.process_time()
        banner()(request)
        assert time.process_time() - started < 2
