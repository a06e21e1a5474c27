"""What analytics.js would have put into an event's context, from a request."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koala_middleware.browser_context import (
    campaign,
    group_id,
    locale,
    page_of_referer,
    user_agent_data,
)
from koala_middleware.sources import Source, source_of


def source(**headers: str) -> Source:
    return source_of({f"HTTP_{name.upper()}": value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("q=shirt", {}),
        (
            "utm_source=news&utm_medium=email&utm_campaign=Black+Friday%21&q=1",
            {"source": "news", "medium": "email", "name": "Black Friday!"},
        ),
        ("utm_source=a&utm_source=b", {"source": "b"}),
        ("q=1?utm_source=a", {"source": "a"}),
        ("utm_source", {"source": ""}),
        ("utm_source=a=b", {"source": "a=b"}),
        ("utm_id=%FF", {"id": "\ufffd"}),
        ("utm_=a&xutm_source=a&UTM_term=a&utm_a.b=c", {}),
        (f"utm_{64 * 'a'}=1&utm_{65 * 'a'}=1", {64 * "a": "1"}),
        ("utm_id=" + 2049 * "a", {"id": 2048 * "a"}),
        ("utm_id=" + 2049 * "%61", {"id": 2048 * "a"}),
        ("utm_id=" + 2049 * "%C3%A9", {"id": 1024 * "é"}),
        ("utm_id=1" + 99 * "&", {"id": "1"}),
        (63 * "&" + "utm_id=1&utm_term=2", {"id": "1"}),
    ],
)
def test_campaign(query: str, expected: dict[str, str]) -> None:
    """As the function utm() of analytics.js has it, bounded."""
    assert campaign(query) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("en-GB,en;q=0.9,de;q=0.8", "en-GB"),
        ("de", "de"),
        ("x-X", "x-X"),
        ("*", None),
        ("*, fr;q=0.5", "fr"),
        (" zh-Hant-TW ;q=1", "zh-Hant-TW"),
        ("en_GB", None),
        ("abcdefghi", None),
        ("en-GB\n", None),
        ("a" + 8 * "-a", "a" + 8 * "-a"),
        ("a" + 9 * "-a", None),
        ("de" + 99 * ",", "de"),
        (63 * "," + "de,fr", "de"),
        (64 * "," + "de", None),
        (";" + 4090 * " " + ",de", "de"),
        (";" + 4096 * " " + ",de", None),
    ],
)
def test_locale(header: str, expected: str | None) -> None:
    assert locale(header) == expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ("", None),
        ("ajs_group_id=acme", "acme"),
        ("ajs_group_id=%22acme%22", "acme"),
        ("ajs_group_id=; ajs_group_id=b", "b"),
        ("ajs_group_id=" + 256 * "a", None),
    ],
)
def test_group_id(cookies: str, expected: str | None) -> None:
    """Old versions of analytics.js write it as JSON."""
    assert group_id(cookies) == expected


def test_user_agent_data() -> None:
    """The names are those of navigator.userAgentData.getHighEntropyValues()."""
    brands = '"Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"'
    assert user_agent_data(
        source(
            sec_ch_ua=brands,
            sec_ch_ua_mobile="?0",
            sec_ch_ua_platform='"macOS"',
            sec_ch_ua_arch='"arm"',
            sec_ch_ua_bitness='"64"',
            sec_ch_ua_model='"Pixel 9"',
            sec_ch_ua_platform_version='"14.6.1"',
            sec_ch_ua_full_version_list='"Chromium";v="128.0.6613.120"',
            sec_ch_ua_wow64="?1",
        )
    ) == {
        "brands": [
            {"brand": "Chromium", "version": "128"},
            {"brand": "Not;A=Brand", "version": "24"},
            {"brand": "Google Chrome", "version": "128"},
        ],
        "mobile": False,
        "platform": "macOS",
        "architecture": "arm",
        "bitness": "64",
        "model": "Pixel 9",
        "platformVersion": "14.6.1",
        "fullVersionList": [{"brand": "Chromium", "version": "128.0.6613.120"}],
        "wow64": True,
    }


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sec_ch_ua", '"A" ; v="1" , "B";v="2"', [("A", "1"), ("B", "2")]),
        ("sec_ch_ua", '"A";v="1", B', [("A", "1")]),
        ("sec_ch_ua", '"A";v="1"x, "B";v="2"', None),
        ("sec_ch_ua", '"A\\"";v="1"', None),
        ("sec_ch_ua", f'"{128 * "A"}";v="{64 * "1"}"', [(128 * "A", 64 * "1")]),
        ("sec_ch_ua", f'"{129 * "A"}";v="1"', None),
        ("sec_ch_ua", f'"A";v="{65 * "1"}"', None),
        ("sec_ch_ua", '"A";v="1"' + 4088 * ",", None),
        ("sec_ch_ua", '"A";v="1"' + 4087 * ",", [("A", "1")]),
        ("sec_ch_ua", "", None),
    ],
)
def test_brands_odd(name: str, value: str, expected: Any) -> None:
    brands = user_agent_data(source(**{name: value})).get("brands")
    assert (brands and [(each["brand"], each["version"]) for each in brands]) == expected


@pytest.mark.parametrize("value", ["", "macOS", '"', '""', '"a\\"b"', f'"{129 * "a"}"', '"a"x'])
def test_string_hint_odd(value: str) -> None:
    assert user_agent_data(source(sec_ch_ua_platform=value)) == {}


def test_string_hint_longest() -> None:
    platform = 128 * "a"
    assert user_agent_data(source(sec_ch_ua_platform=f'"{platform}"')) == {"platform": platform}


@pytest.mark.parametrize("value", ["", "1", "?2", "true"])
def test_boolean_hint_odd(value: str) -> None:
    assert user_agent_data(source(sec_ch_ua_mobile=value)) == {}


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        (
            "https://shop.example:8443/cart?utm_id=1&q=a#top",
            {
                "path": "/cart",
                "search": "?utm_id=1&q=a",
                "url": "https://shop.example:8443/cart?utm_id=1&q=a",
            },
        ),
        ("http://shop.example", {"path": "/", "url": "http://shop.example"}),
        ("", None),
        ("about:blank", None),
        ("/cart", None),
        ("ftp://shop.example/", None),
        ("https:///cart", None),
        ("https://[bad", None),
        ("https://a/" + 2038 * "b", {"path": "/" + 2038 * "b", "url": "https://a/" + 2038 * "b"}),
        ("https://a/" + 2039 * "b", None),
    ],
)
def test_page_of_referer(referer: str, expected: Any) -> None:
    assert page_of_referer(source(referer=referer, sec_fetch_dest="empty")) == expected


def test_page_of_a_document_is_its_own() -> None:
    """So is that of a client that does not say, and of one that sends no Referer."""
    assert page_of_referer(source(referer="https://a/", sec_fetch_dest="document")) is None
    assert page_of_referer(source(referer="https://a/")) is None
    assert page_of_referer(source(sec_fetch_dest="empty")) is None


@given(text=st.text())
def test_nothing_raises(text: str) -> None:
    headers = source(
        sec_ch_ua=text,
        sec_ch_ua_model=f'"{text}"',
        sec_ch_ua_mobile=text,
        referer=f"https://{text}",
        sec_fetch_dest=text,
    )
    assert isinstance(user_agent_data(headers), dict)
    page_of_referer(headers)
    campaign(f"utm_id={text}&{text}")
    locale(text)
    group_id(f"ajs_group_id={text}")


@pytest.mark.parametrize("piece", ['"', " ,", ",", '"A";v="1", ', "utm_a=%&", "?", "a-", "&", "="])
def test_everything_takes_linear_time(piece: str) -> None:
    text = piece * (2**20 // len(piece))
    headers = source(
        sec_ch_ua=text, sec_ch_ua_model=text, referer="https://" + text, sec_fetch_dest="empty"
    )
    started = time.process_time()
    user_agent_data(headers)
    page_of_referer(headers)
    campaign("utm_" + text)
    locale(text)
    group_id(text)
    assert time.process_time() - started < 2
