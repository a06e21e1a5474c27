"""What carries the visitor to the next service: W3C's baggage, and to which hosts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import koala_middleware as koala
from koala_middleware import baggage
from koala_middleware.outgoing import OutgoingHeaders
from koala_middleware.wsgi import KoalaMiddleware
from tests.serving import environ_of
from tests.visitors import ALICE, BOB, start_response

OTHERS = ",".join(f"k{number}=v" for number in range(179))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        pytest.param(f"koala.profile_id={ALICE}", [ALICE], id="alone"),
        pytest.param(f"a=1,koala.profile_id={ALICE},b=2", [ALICE], id="among-others"),
        pytest.param(f"a=1 ,\tkoala.profile_id = {ALICE} ; ttl=3", [ALICE], id="spaces"),
        pytest.param(f"koala.profile_id={ALICE.replace('-', '%2D')}", [ALICE], id="encoded"),
        pytest.param(
            f"koala.profile_id={ALICE},koala.profile_id={BOB}", [ALICE, BOB], id="several"
        ),
        pytest.param(f"a=koala.profile_id={ALICE}", [], id="in-a-value"),
        pytest.param(f"a=1;koala.profile_id={ALICE}", [], id="in-a-property"),
        pytest.param(f"koala.profile_ids={ALICE}", [], id="another-key"),
        pytest.param(f"Xkoala.profile_id={ALICE}", [], id="a-longer-key"),
        pytest.param(f"\xa0koala.profile_id={ALICE}", [], id="another-white-space"),
        pytest.param("koala.profile_id=\xa0a=X", ["\xa0a=X"], id="odd-value"),
        pytest.param("koala.profile_id", [], id="no-value"),
        pytest.param("koala.profile_id=%FF%zz", ["\udcff%zz"], id="not-utf-8"),
        pytest.param(f"{OTHERS},koala.profile_id={ALICE}", [ALICE], id="the-180th"),
        pytest.param(f"{OTHERS},a=1,koala.profile_id={ALICE}", [], id="after-the-180th"),
        pytest.param(f"koala.profile_id={ALICE}{',' * 400}", [ALICE], id="many-empty-ones"),
        pytest.param(f"koala.profile_id={ALICE},".ljust(8192, "x"), [ALICE], id="longest"),
        pytest.param(f"koala.profile_id={ALICE},".ljust(8193, "x"), [], id="too-long"),
        pytest.param("", [], id="empty"),
    ],
)
def test_profile_ids_in_baggage(header: str, found: list[str]) -> None:
    found = [each for each in found if each]
    assert [each for each in baggage.profile_ids(header) if each] == found


@settings(max_examples=50)
@given(st.text('=,;%" \taF0ä'))
def test_baggage_never_raises_and_member_is_read_again(text: str) -> None:
    list(baggage.profile_ids(f"koala.profile_id={text}"))
    encodable = text.encode(errors="replace").decode()
    assert list(baggage.profile_ids(baggage.member(encodable))) == [encodable]


def seen_with(**headers: str) -> str | None:
    """Return who is current in a request with these headers, where baggage is read."""
    seen: list[str | None] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(koala.get_profile_id())
        return []

    KoalaMiddleware(app, header_name="Baggage")(environ_of(**headers), start_response)
    return seen[0]


def test_baggage_is_read_and_validated_as_a_header() -> None:
    assert seen_with(baggage=f"a=1,koala.profile_id={ALICE}") == ALICE
    assert seen_with(baggage="koala.profile_id=<script>") is None
    assert seen_with(baggage=f"koala.profile_id=x,koala.profile_id={ALICE}") == ALICE
    assert seen_with(baggage=f"koala.profile_id={ALICE}", cookie=f"ko_id={BOB}") == BOB
    assert seen_with() is None


def test_outgoing_headers_as_baggage() -> None:
    with koala.profile("a b,c/d", options=koala.Options(header_name="baggage")):
        assert koala.outgoing_headers() == {"baggage": "koala.profile_id=a%20b%2Cc%2Fd"}


@pytest.mark.parametrize("profile_id", ["日本", "a\nX: 1", "\udcff", " a", "x" * 5000])
def test_profile_id_that_no_header_holds_stays_here(profile_id: str) -> None:
    """Else the application's own request raises. Baggage is encoded."""
    with koala.profile(profile_id):
        assert koala.outgoing_headers() == {}
    with koala.profile(profile_id, options=koala.Options(header_name="baggage")):
        is_sent = profile_id in ("日本", " a")
        assert bool(koala.outgoing_headers()) is is_sent


@pytest.mark.parametrize(
    ("hosts", "host", "is_sent"),
    [
        (["orders.internal"], "orders.internal", True),
        (["orders.internal"], "Orders.Internal.", True),
        (["orders.internal"], "orders.internal.evil.test", False),
        (["orders.internal"], "evil-orders.internal", False),
        (["orders.internal"], "api.orders.internal", False),
        ([".example.com"], "example.com", True),
        ([".example.com"], "api.example.com", True),
        ([".example.com"], "notexample.com", False),
        (("[::1]",), "::1", True),
        ({"a", "b"}, "b", True),
        (["a"], None, False),
    ],
)
def test_headers_go_to_listed_hosts(hosts: Any, host: str | None, is_sent: bool) -> None:
    given: dict[str, str] = {}
    with koala.profile(ALICE):
        added = OutgoingHeaders(hosts).headers(host, given.get)
    assert added == ({"X-Koala-Profile-Id": ALICE} if is_sent else {})


def test_nothing_is_added_for_nobody_or_over_what_the_caller_has_set() -> None:
    outgoing, given = OutgoingHeaders(["a"]), dict[str, str]()
    assert outgoing.headers("a", given.get) == {}
    with koala.profile(ALICE):
        assert outgoing.headers("a", {"X-Koala-Profile-Id": BOB}.get) == {}


@pytest.mark.parametrize(
    ("theirs", "is_ours_added"),
    [
        ("koala.profile_id=x;p=1", False),
        ("a=1,koala.profile_id=x", False),
        ("a=1,\tkoala.profile_id = x=y", False),
        ("Xkoala.profile_id=x", True),
        ("\xa0koala.profile_id=x", True),
    ],
)
def test_baggage_has_one_member_of_ours(theirs: str, is_ours_added: bool) -> None:
    assert baggage.joined(theirs, "ours=1") == (f"{theirs},ours=1" if is_ours_added else theirs)


def test_baggage_is_added_to_that_of_others() -> None:
    outgoing = OutgoingHeaders(["a"])
    with koala.profile(ALICE, options=koala.Options(header_name="baggage")):
        assert outgoing.headers("a", {"baggage": "b=1"}.get) == {
            "baggage": f"b=1,koala.profile_id={ALICE}"
        }
        theirs = {"baggage": f"koala.profile_id = {BOB}"}
        assert outgoing.headers("a", theirs.get) == theirs
        assert outgoing.headers("a", {"baggage": b"b=1"}.get) == {}  # as Requests takes it, too


@pytest.mark.parametrize(
    ("hosts", "error"),
    [
        ("orders.internal", TypeError),
        (None, TypeError),
        ({"a": 1}, TypeError),
        ([], ValueError),
        ([b"a"], TypeError),
        (["https://a"], ValueError),
        (["a:80"], ValueError),
        (["*.a"], ValueError),
        ([""], ValueError),
        (["."], ValueError),
    ],
)
def test_hosts_are_checked(hosts: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="hosts: expected a"):
        OutgoingHeaders(hosts)
