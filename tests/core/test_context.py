"""The context of a request, where it is odd. That it works on every adapter is in
test_adapters.py."""

from __future__ import annotations

from typing import Any

import pytest

from koala_middleware.context import CONTEXT_KEYS, request_context
from koala_middleware.sources import source_of


def context(**environ: Any) -> dict[str, Any]:
    return request_context(source_of(environ), CONTEXT_KEYS)


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("", None),
        ("unix:", None),
        ("192.0.2.7, 192.0.2.8", None),
        ("evil\n", None),
    ],
)
def test_ip(peer: str, ip: str | None) -> None:
    assert context(REMOTE_ADDR=peer).get("ip") == ip


def test_nothing_is_known() -> None:
    assert request_context(source_of({"headers": [], "type": "http"}), CONTEXT_KEYS) == {}


def test_value_that_cannot_be_read_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert context(HTTP_USER_AGENT=7, REMOTE_ADDR="192.0.2.7") == {"ip": "192.0.2.7"}
    assert "the context's userAgent cannot be read" in caplog.text
    assert "TypeError" in caplog.text


@pytest.mark.parametrize(
    ("search", "expected"), [("?utm_id=1", {"campaign": {"id": "1"}}), ("", {})]
)
def test_campaign_of_a_fetch_is_its_pages(
    search: str, expected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fetch = {"HTTP_SEC_FETCH_DEST": "empty", "QUERY_STRING": "utm_id=2"}
    found = context(**fetch, HTTP_REFERER=f"https://a.test/b{search}")
    assert found.pop("page")["path"] == "/b"
    assert found == expected
    assert caplog.text == ""


def test_page_without_a_host_has_no_url() -> None:
    assert context(PATH_INFO="/a")["page"] == {"path": "/a"}


def test_path_keeps_what_may_stand_in_a_path() -> None:
    """RFC 3986, section 3.3; quoted, a page would be two pages to Segment."""
    path = "/:@!$&'()*+,;=~-._"
    assert context(PATH_INFO=f"{path}?#[]")["page"] == {"path": f"{path}%3F%23%5B%5D"}


@pytest.mark.parametrize("wanted", CONTEXT_KEYS)
def test_only_what_is_wanted_is_told(wanted: str) -> None:
    environ = {
        "REMOTE_ADDR": "192.0.2.7",
        "PATH_INFO": "/",
        "QUERY_STRING": "utm_id=1",
        "HTTP_USER_AGENT": "x",
        "HTTP_COOKIE": "ajs_group_id=a",
        "HTTP_ACCEPT_LANGUAGE": "en",
        "HTTP_SEC_CH_UA_MOBILE": "?0",
    }
    assert list(request_context(source_of(environ), [wanted])) == [wanted]


def test_page_below_a_mount() -> None:
    page = context(HTTP_HOST="site.test:8000", SCRIPT_NAME="/shop", PATH_INFO="/a b")["page"]
    assert page == {"path": "/shop/a%20b", "url": "http://site.test:8000/shop/a%20b"}


def test_values_are_bounded() -> None:
    found = context(HTTP_USER_AGENT="x" * 9999, HTTP_REFERER="y" * 9999, QUERY_STRING="z" * 9999)
    assert found == {
        "userAgent": "x" * 2048,
        "page": {"search": "?" + "z" * 2047, "referrer": "y" * 2048},
    }


def test_page_whose_query_is_text() -> None:
    """As Django's AsyncClient has it."""
    scope = {"type": "http", "headers": [(b"host", b"a")], "path": "/", "query_string": "b=1"}
    assert request_context(source_of(scope), ["page"])["page"]["url"] == "http://a/?b=1"


@pytest.mark.parametrize("name", ["PATH_INFO", "SCRIPT_NAME"])
def test_page_whose_path_is_no_text_that_can_be_encoded(name: str) -> None:
    assert context(**{name: "/\udcff\ud800"})["page"] == {"path": "/%3F%3F"}


def test_iterator_of_a_client_is_left_to_the_application() -> None:
    """Falcon's test client has one."""
    scope = {"type": "http", "path": "/", "client": (client := iter(["192.0.2.7", 1]))}
    assert request_context(source_of(scope), CONTEXT_KEYS) == {"page": {"path": "/"}}
    assert next(client) == "192.0.2.7"
