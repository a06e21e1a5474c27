"""New ids where they are odd: the domain of a cookie, and ids that are given up."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import koala_middleware as koala
from koala_middleware import faults, header_ids
from koala_middleware.browser_ids import BrowserId
from koala_middleware.new_ids import NewId, new_anonymous_id, new_profile_id, registrable_domain
from koala_middleware.sources import source_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("a.b.Example.com:8443", "example.com"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("shop.com.au", "shop.com.au"),
        ("www.shop.de", "shop.de"),
        ("my-shop.example", "my-shop.example"),
        ("co.com", "co.com"),
        ("localhost", None),
        ("localhost:8000", None),
        ("192.0.2.7", None),
        ("192.0.2.7:80", None),
        ("[2001:db8::7]", None),
        ("", None),
        ("example.com.", None),
        ("a..example", None),
        ("exam ple.com", None),
        ("example.com;x", None),
        ("exämple.com", None),
        ("a" * 250 + ".com", "a" * 250 + ".com"),
        ("a" * 251 + ".com", "a" * 251 + ".com"),
        ("a" * 252 + ".com", None),
        ("a.b.1", None),
        ("-.com", None),
    ],
)
def test_registrable_domain(host: str, domain: str | None) -> None:
    """Browsers refuse one that is too wide; a header of somebody's making adds nothing to it."""
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"anonymous_id": "mint", "anonymous_id_cookie": None},
            "option anonymous_id: expected None, as anonymous_id_cookie is None, got 'mint'",
        ),
        (
            {"anonymous_id": "mint", "anonymous_id_cookie": "__Secure-ajs"},
            "Mint secure: expected True or 'auto', as cookie_name is '__Secure-ajs', got False",
        ),
        (
            {"anonymous_id": "new"},
            "option anonymous_id: expected 'mint', a koala_middleware.Mint, or None, got 'new'",
        ),
        (
            {"calls": ["track", "pages"]},
            "option calls: expected some of track, identify, page, screen, group, alias, in a "
            "list, tuple or set, got ['track', 'pages']",
        ),
    ],
)
def test_options_that_do_not_fit(options: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        koala.Options(**options)


@pytest.mark.parametrize("value", ["track", b"track", {"track": True}, None, 5])
def test_calls_of_a_wrong_type(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^option calls: expected some of track, identify"):
        koala.Options(calls=value)


# For a response

ALWAYS, NEVER = koala.Mint(when=lambda request: True), koala.Mint(when=lambda request: False)
OF_OTHERS = {"HTTP_COOKIE": "id=x"}


@pytest.mark.parametrize(
    ("mint", "environ", "is_made"),
    [(ALWAYS, {}, True), (ALWAYS, OF_OTHERS, False), (NEVER, {}, False), (NEVER, OF_OTHERS, False)],
)
def test_new_profile_id_is_kept_and_wanted(mint: Any, environ: Any, is_made: bool) -> None:
    made = new_profile_id(mint, "id", source_of(environ), lambda: environ)
    assert (made is not None) is is_made


@pytest.mark.parametrize(("mint", "is_set"), [(ALWAYS, True), (NEVER, False)])
def test_anonymous_id_that_nothing_uses_is_set_if_wanted(mint: Any, is_set: bool) -> None:
    made = new_anonymous_id(mint, "id", source_of({}), dict)
    assert made is not None
    assert ("Set-Cookie" in made.cookie_headers("https", 200, [])) is is_set


@pytest.mark.parametrize(("status", "is_set"), [("200 OK", True), ("304 Not Modified", False)])
def test_response_that_changes_a_stored_one_sets_no_new_id(status: str, is_set: bool) -> None:
    made = new_profile_id(ALWAYS, "id", source_of({}), dict)
    assert made is not None
    assert ("Set-Cookie" in made.cookie_headers("https", status, [])) is is_set


def new_id(is_used: bool) -> NewId:
    faults._reported.clear()
    made = NewId(ALWAYS, "id")
    if is_used:
        made.use()
    return made


@pytest.mark.parametrize("is_used", [True, False])
def test_new_id_stays_where_its_cookie_is_set(
    is_used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    made = new_id(is_used)
    cookie = made.cookie_headers("https", 200, [])["Set-Cookie"]
    assert cookie.startswith(f"id={made.use()};")
    assert cookie.endswith("Secure")
    assert caplog.text == ""


@pytest.mark.parametrize("is_used", [True, False])
def test_new_id_whose_cookie_may_not_be_set(
    is_used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up, unless something is attributed to it already: the log says so."""
    made = new_id(is_used)
    assert made.cookie_headers("https", 304, []) == {}
    assert (made.use() is None) is not is_used
    assert caplog.messages == is_used * [
        "events have a new id whose cookie, id, the response may not set: see Mint.when"
    ]


# Ids in a header

IDS = [BrowserId(cookie="a", path="properties.a"), BrowserId(cookie="b", path="properties.b")]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("properties.a=1&properties.b=x%20y%26", {"properties.a": "1", "properties.b": "x y&"}),
        ("properties.a=1&properties.a=2", {"properties.a": "1"}),
        ("properties.c=1&userId=2", {}),
        ("properties.a=&properties.b", {}),
        ("properties.a=%00&properties.b=%FF", {}),
        ("properties.a=é", {}),
        ("properties.a=1=2", {"properties.a": "1=2"}),
        (127 * "&" + "properties.a=1&properties.b=1", {"properties.a": "1"}),
        ("properties.a=1" + 200 * "&", {"properties.a": "1"}),
        ("properties.a=" + 2048 * "x", {"properties.a": 2048 * "x"}),
        ("properties.a=" + 2049 * "x", {}),
        ("properties.a=1&" + 4081 * "x", {"properties.a": "1"}),
        ("properties.a=1&" + 4082 * "x", {}),
    ],
)
def test_ids_of_a_header(header: str, expected: dict[str, str]) -> None:
    """Only those that this service wants, each printable and bounded."""
    assert header_ids.from_header(header, IDS, None) == expected


@pytest.mark.parametrize(("granted", "count"), [(None, 0), ({"C4": False}, 0), ({"C4": True}, 1)])
def test_ids_of_a_header_need_consent(granted: Any, count: int) -> None:
    wanted = [BrowserId(cookie="a", path="properties.a", consent="C4")]
    assert len(header_ids.from_header("properties.a=1", wanted, granted)) == count


@given(st.dictionaries(st.sampled_from(["properties.a", "properties.b"]), st.text()))
def test_ids_cross_as_they_are(values: dict[str, str]) -> None:
    valid = {path: v for path, v in values.items() if v.isprintable() and 0 < len(v) <= 300}
    assert header_ids.from_header(header_ids.to_header(valid), IDS, None) == valid


@given(st.text())
def test_reading_a_header_never_raises(text: str) -> None:
    header_ids.from_header(text, IDS, None)


def test_header_has_room_for_the_first_ids() -> None:
    values = {f"properties.{number}": 300 * "x" for number in range(99)}
    header = header_ids.to_header(values)
    assert 3700 < len(header) <= 4096
    assert header.startswith("properties.0=x")
    assert len(header_ids.to_header({"a": 4094 * "x"})) == 4096
    assert header_ids.to_header({"a": 4095 * "x"}) == ""


@pytest.mark.parametrize("piece", ["&", "=", "%", "properties.a=%&", "+"])
def test_reading_a_header_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    header_ids.from_header(piece * (2**20 // len(piece)), IDS, None)
    assert time.process_time() - started < 1
