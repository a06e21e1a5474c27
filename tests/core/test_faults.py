"""What is logged of a fault, and how often."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
from koala_middleware.faults import log_once
from koala_middleware.wsgi import KoalaMiddleware
from tests.visitors import ALICE, start_response


def fail(error: type[Exception] = LookupError) -> Any:
    raise error


def caught(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 (whichever it is)
        call()
    return raised.value


def test_fault_is_logged_with_its_type_and_where_it_was_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = caught(fail)
    log_once("100 % failed", fault)
    places = "".join(traceback.format_tb(fault.__traceback__))
    assert caplog.messages == [f"100 % failed: LookupError\n{places}".rstrip()]
    assert caplog.messages[0].endswith("    raise error")


def test_message_without_a_fault_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    log_once("it failed")
    log_once("it failed")
    assert caplog.messages == ["it failed"]


def test_fault_is_the_same_by_message_type_and_place(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever called what raised it: a fault in a helper of every view would fill the log."""
    log_once("a", caught(lambda: fail()))
    log_once("a", caught(lambda: fail()))
    assert len(caplog.messages) == 1
    log_once("b", caught(lambda: fail()))
    log_once("a", caught(lambda: fail(KeyError)))
    log_once("a", caught(lambda: [][0]))
    assert len(caplog.messages) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"request_filter": lambda environ: fail()},
            "the request_filter failed: its requests have no visitor: LookupError",
            id="request_filter",
        ),
        pytest.param(
            {"email": lambda environ: fail()},
            "the option email failed: events go out without it: LookupError",
            id="email",
        ),
        pytest.param(
            {"email": lambda environ: 5},
            "the option email failed: events go out without it: TypeError",
            id="email-of-a-wrong-type",
        ),
        pytest.param(
            {"mint": koala.Mint(when=lambda environ: fail())},
            "the option mint failed: its requests get no new id: LookupError",
            id="mint",
        ),
        pytest.param(
            {"mint": koala.Mint(when=lambda environ: True)},
            "the cookies of new ids could not be set: TypeError",
            id="cookie-of-the-mint",
        ),
        pytest.param(
            {"parse": lambda value: fail(), "cookie_name": "vid"},
            "the cookie vid cannot be parsed: its requests have no such id: LookupError",
            id="parse",
        ),
        pytest.param(
            {"parse": lambda value: fail(), "header_name": "X-Visitor"},
            "the header X-Visitor cannot be parsed: its requests have no such id: LookupError",
            id="parse-of-a-header",
        ),
    ],
)
def test_message_says_what_failed_and_what_follows(
    options: dict[str, Any], message: str, events: object, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        analytics.track("u1", "E")
        start_response("200 OK", None)
        return []

    environ = {"HTTP_COOKIE": f"vid={ALICE}", "HTTP_X_VISITOR": ALICE}
    KoalaMiddleware(application, **options)(environ, start_response)
    logged, place, *_ = caplog.messages[0].split("\n")
    assert logged == message
    assert place.startswith("  File ")
