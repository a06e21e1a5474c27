"""Which responses a shared cache may store, and what keeps it from that."""

from __future__ import annotations

import pytest

from koala_middleware.caching import directives, is_shared, replaced, unshared

PAST = "Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" , ,, ", [], id="empty-elements"),
        pytest.param("No-Store", [("no-store", None)], id="case"),
        pytest.param("a,b =1 , c= 2", [("a", None), ("b", "1"), ("c", "2")], id="white-space"),
        pytest.param('a="1"', [("a", "1")], id="quoted"),
        pytest.param('a="b, c", d', [("a", "b, c"), ("d", None)], id="quoted-comma"),
        pytest.param(r'a="\", b", c', [("a", r"\", b"), ("c", None)], id="quoted-quote"),
        pytest.param('a="b, c', [("a", "b"), ("c", None)], id="unclosed-quote"),
        pytest.param("a=b=c", [("a", "b=c")], id="two-equals"),
        pytest.param("a=", [("a", "")], id="empty-argument"),
        pytest.param("=a", [], id="no-name"),
        pytest.param("max-age=5 private", [("max-age", "5 private")], id="missing-comma"),
    ],
)
def test_directives(value: str, expected: list[tuple[str, str | None]]) -> None:
    assert directives(value) == expected


SHARED = [
    pytest.param(["Cache-Control: public"], id="public"),
    pytest.param(["Cache-Control: Public", "cache-control: max-age=0"], id="public-max-age-0"),
    pytest.param(["Cache-Control: max-age=60"], id="max-age"),
    pytest.param(["CACHE-CONTROL: Max-Age=60"], id="max-age-case"),
    pytest.param(['Cache-Control: max-age="60"'], id="max-age-quoted"),
    pytest.param(["Cache-Control: max-age"], id="max-age-without-argument"),
    pytest.param(["Cache-Control: max-age="], id="max-age-empty"),
    pytest.param(["Cache-Control: max-age=5 private"], id="max-age-malformed"),
    pytest.param(["Cache-Control: max-age=0, max-age=60"], id="max-age-twice"),
    pytest.param(["Cache-Control: no-cache ,max-age=5"], id="max-age-no-cache"),
    pytest.param(["Cache-Control: s-maxage=60"], id="s-maxage"),
    pytest.param(["Cache-Control: max-age=0, s-maxage=60"], id="s-maxage-max-age-0"),
    pytest.param(
        ["Cache-Control: max-age=0, stale-while-revalidate=600"], id="stale-while-revalidate"
    ),
    pytest.param(["Cache-Control: max-age=0, stale-if-error=600"], id="stale-if-error"),
    pytest.param(['Cache-Control: public, max-age=600, private="X-Foo"'], id="private-for-a-field"),
    pytest.param(['Cache-Control: max-age=600, x=", private, "'], id="private-in-quotes"),
    pytest.param(
        ["Cache-Control: no-store, must-understand, max-age=60"], id="no-store-must-understand"
    ),
    pytest.param(["Expires: Thu, 01 Dec 2094 16:00:00 GMT"], id="expires"),
    pytest.param([f"Last-Modified: {PAST}"], id="last-modified"),
    pytest.param([f"Last-Modified: {PAST}", "Cache-Control: must-revalidate"], id="revalidated"),
    pytest.param(
        [f"Last-Modified: {PAST}", 'Cache-Control: no-cache="Set-Cookie"'],
        id="no-cache-for-a-field",
    ),
    *(
        pytest.param([f"{field}: max-age=60", "Cache-Control: private"], id=field)
        for field in (
            "CDN-Cache-Control",
            "Cloudflare-CDN-Cache-Control",
            "Vercel-CDN-Cache-Control",
            "Netlify-CDN-Cache-Control",
            "Akamai-Cache-Control",
            "Surrogate-Control",
            "Edge-Control",
        )
    ),
    pytest.param(["X-Accel-Expires: 60", "Cache-Control: no-store"], id="X-Accel-Expires"),
    pytest.param(["X-Accel-Expires: @2000000000"], id="X-Accel-Expires-date"),
    pytest.param(["Edge-Control: !no-store, max-age=1d"], id="Edge-Control-not-no-store"),
    pytest.param(["Surrogate-Control: no-store", "Cache-Control: public"], id="other-caches"),
    pytest.param(
        ["CDN-Cache-Control: no-store", "Vercel-CDN-Cache-Control: s-maxage=1"], id="another-target"
    ),
]

UNSHARED = [
    pytest.param([], "private", id="nothing"),
    pytest.param(["Cache-Control: "], "private", id="empty"),
    pytest.param(["Cache-Control: private, max-age=60"], None, id="private"),
    pytest.param(["Cache-Control: PRIVATE", "Cache-Control: public"], None, id="private-public"),
    pytest.param(["Cache-Control: public, no-store"], None, id="no-store"),
    pytest.param(["Cache-Control: private, must-understand, no-store"], None, id="all"),
    pytest.param(["Cache-Control: private", f"Last-Modified: {PAST}"], None, id="private-dates"),
    pytest.param(["Cache-Control: max-age=0"], "max-age=0, private", id="max-age-0"),
    pytest.param(['Cache-Control: max-age="00"'], 'max-age="00", private', id="max-age-00"),
    pytest.param(
        ["Cache-Control: s-maxage=0, max-age=60"],
        "s-maxage=0, max-age=60, private",
        id="s-maxage-0",
    ),
    pytest.param(
        ["Cache-Control: max-age=0, stale-if-error=0"],
        "max-age=0, stale-if-error=0, private",
        id="stale-0",
    ),
    pytest.param(
        ["Cache-Control: no-cache", f"Expires: {PAST}"], "no-cache, private", id="no-cache"
    ),
    pytest.param(
        ["Cache-Control: max-age=0", "Cache-Control: must-revalidate"],
        "max-age=0, must-revalidate, private",
        id="two-lines",
    ),
    pytest.param(['Cache-Control: private="X-A"'], 'private="X-A", private', id="private-field"),
    pytest.param(["CDN-Cache-Control: no-store"], "private", id="CDN-Cache-Control"),
    pytest.param(["Cloudflare-CDN-Cache-Control: private"], "private", id="Cloudflare"),
    pytest.param(["Surrogate-Control: no-store"], "private", id="Surrogate-Control"),
    pytest.param(["Edge-Control: bypass-cache"], "private", id="Edge-Control"),
    pytest.param(["X-Accel-Expires: 0"], "private", id="X-Accel-Expires"),
]


def parsed(lines: list[str]) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in lines)
    return [(name, value.strip()) for name, _, value in pairs]


@pytest.mark.parametrize("lines", SHARED)
def test_shared(lines: list[str]) -> None:
    assert is_shared(parsed(lines))


@pytest.mark.parametrize(("lines", "expected"), UNSHARED)
def test_unshared(lines: list[str], expected: str | None) -> None:
    """What nobody says a shared cache may store is made private."""
    headers = parsed(lines)
    assert not is_shared(headers)
    ours = unshared(headers)
    assert ours.pop("Vary") == "Cookie"
    assert ours.get("Cache-Control") == expected
    assert unshared(replaced(headers, list(unshared(headers).items()))) == {}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([], "Cookie", id="nothing"),
        pytest.param(["Vary: "], "Cookie", id="empty"),
        pytest.param(["Vary: *"], None, id="all"),
        pytest.param(["vary: Accept, cookie"], None, id="cookie"),
        pytest.param(["Vary: Accept", "Vary: Origin"], "Accept, Origin, Cookie", id="two-lines"),
        pytest.param(["Vary: X-Cookie"], "X-Cookie, Cookie", id="another"),
    ],
)
def test_vary(lines: list[str], expected: str | None) -> None:
    assert unshared(parsed(lines)).get("Vary") == expected


def test_replaced() -> None:
    """A middleware above may read one line of a field only, so there is one."""
    headers = [("vary", "A"), ("Set-Cookie", "a=1"), ("X", "1"), ("Vary", "B")]
    ours = [("Set-Cookie", "b=2"), ("Vary", "A, B, Cookie")]
    assert replaced(headers, ours) == [
        ("Set-Cookie", "a=1"),
        ("X", "1"),
        ("Set-Cookie", "b=2"),
        ("Vary", "A, B, Cookie"),
    ]
