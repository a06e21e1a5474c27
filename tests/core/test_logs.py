"""The profile id in log records and spans."""

from __future__ import annotations

import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

import koala_middleware as koala
from koala_middleware.logs import ProfileIdFilter, add_profile_id
from koala_middleware.wsgi import KoalaMiddleware
from tests.serving import environ_of
from tests.visitors import ALICE, BOB, start_response


@pytest.fixture
def handler() -> Iterator[logging.handlers.QueueHandler]:
    """Keep the records of every logger."""
    handler = logging.handlers.QueueHandler(queue.SimpleQueue())
    handler.addFilter(ProfileIdFilter())
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def logged(handler: logging.handlers.QueueHandler) -> list[Any]:
    records: Any = handler.queue
    return [vars(records.get())["koala_profile_id"] for _ in range(records.qsize())]


def test_record_has_the_profile_id(handler: logging.handlers.QueueHandler) -> None:
    logging.getLogger("shop.orders").error("nobody's")
    with koala.profile(ALICE):
        logging.getLogger("shop.orders").error("Alice's")
    assert logged(handler) == [None, ALICE]


def test_record_keeps_the_profile_id_that_it_has() -> None:
    record = logging.makeLogRecord({"koala_profile_id": BOB})
    with koala.profile(ALICE):
        assert ProfileIdFilter().filter(record)
    assert vars(record)["koala_profile_id"] == BOB


def test_default_is_for_formats_in_text() -> None:
    record = logging.makeLogRecord({"msg": "hello"})
    ProfileIdFilter(default="-").filter(record)
    assert logging.Formatter("%(koala_profile_id)s %(message)s").format(record) == "- hello"


@pytest.mark.parametrize("value", ["<script>", "x" * 5000, "a\nb"])
def test_invalid_cookie_is_not_logged(value: str, handler: logging.handlers.QueueHandler) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        logging.getLogger("shop").error("view")
        return []

    KoalaMiddleware(app)({"HTTP_COOKIE": f"ko_id={value}"}, start_response)
    assert logged(handler) == [None]


def test_parse_that_fails_and_logs_does_not_recurse(
    handler: logging.handlers.QueueHandler,
) -> None:
    """Its fault is logged while the record that asked for the id is being made."""

    def parse(value: str) -> str:
        logging.getLogger("shop").error("parsing")
        raise ValueError(value)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        logging.getLogger("shop").error("view")
        return []

    KoalaMiddleware(app, parse=parse)(environ_of(cookie=f"ko_id={ALICE}"), start_response)
    assert set(logged(handler)) == {None}


def test_structlog_processor() -> None:
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[add_profile_id, capture])
    log.info("nobody's")
    with koala.profile(ALICE):
        log.info("Alice's")
        log.info("Bob's", koala_profile_id=BOB)
    assert [entry.get("koala_profile_id") for entry in capture.entries] == [None, ALICE, BOB]
