"""The current visitor."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

import koala_middleware as koala
from koala_middleware.current import call_as
from koala_middleware.options import Options
from koala_middleware.visitor import Visitor
from tests.visitors import ALICE, BOB


def test_nobody_outside_a_request() -> None:
    assert koala.current_visitor() is None
    assert koala.get_profile_id() is None


def test_visitor_reads_its_cookies() -> None:
    visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=%22a1%22")
    assert (visitor.profile_id, visitor.anonymous_id) == (ALICE, "a1")


def test_visitor_reads_the_anonymous_id_first() -> None:
    visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=a1")
    assert (visitor.anonymous_id, visitor.profile_id) == ("a1", ALICE)


def test_visitor_takes_the_first_valid_value() -> None:
    assert Visitor(None, None, f"ko_id=; ko_id=x; ko_id={BOB}; ko_id={ALICE}").profile_id == BOB


def test_visitor_obeys_its_options() -> None:
    options = Options(cookie_name="vid", parse=str.upper, anonymous_id_cookie=None)
    visitor = Visitor(None, None, "vid=abc; ajs_anonymous_id=a1", options)
    assert (visitor.profile_id, visitor.anonymous_id) == ("ABC", None)


def test_visitor_id_is_always_text() -> None:
    """The SDK silently drops a property that is a uuid.UUID."""
    options = Options(parse=UUID)  # type: ignore[arg-type]
    assert Visitor(None, None, f"ko_id={ALICE}", options).profile_id == ALICE


def test_visitor_with_an_empty_id_has_none() -> None:
    assert Visitor(None, None, "ko_id=x", Options(parse=lambda value: "")).profile_id is None


def test_visitor_without_an_id_is_nobody() -> None:
    with_one, without = Visitor(None, None, "ajs_anonymous_id=a1"), Visitor(None, None, "a=1")
    assert call_as(with_one, koala.current_visitor) is with_one
    assert call_as(without, koala.current_visitor) is None


def test_visitor_reads_once() -> None:
    calls: list[str] = []
    visitor = Visitor(None, None, "ko_id=x", Options(parse=lambda value: calls.append(value)))
    assert (visitor.profile_id, visitor.profile_id, visitor.anonymous_id) == (None, None, None)
    assert calls == ["x"]


def test_repr_says_what_is_known_and_never_an_id() -> None:
    """It gets into logs; to look at a visitor in a debugger reads nothing."""
    visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=a1")
    assert repr(visitor) == "<Visitor: profile id not read yet, anonymous id not read yet>"
    assert visitor.profile_id == ALICE
    assert repr(visitor) == "<Visitor: profile id known, anonymous id not read yet>"
    assert repr(Visitor(ALICE)) == "<Visitor: profile id known, no anonymous id>"
    with koala.profile(None) as nobody:
        assert repr(nobody) == "<Visitor: no profile id, no anonymous id>"


def test_repr_asks_no_option() -> None:
    visitor = Visitor(None, None, "ko_id=x", Options(parse=lambda value: calls.append(value)))
    calls: list[str] = []
    assert "not read yet" in repr(visitor)
    assert calls == []


def failing_parse(value: str) -> str:
    raise ValueError(f"no such id: {value}")


def test_failing_parse_is_logged_once_without_the_value(caplog: pytest.LogCaptureFixture) -> None:
    options = Options(parse=failing_parse)
    for _ in range(3):
        assert Visitor(None, None, f"ko_id={ALICE}", options).profile_id is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "ko_id" in record.getMessage()
    assert "ValueError" in record.getMessage()
    assert "in failing_parse" in record.getMessage()
    assert ALICE not in caplog.text


# bind()


def test_bind_outside_a_request_does_nothing() -> None:
    koala.bind(plan="team")
    with koala.profile(ALICE) as visitor:
        assert visitor.bound == {}


def test_bind_ends_with_its_scope() -> None:
    """What was said of one visitor must not be said of another."""
    with koala.profile(ALICE) as alice:
        koala.bind(plan="team")
        with koala.profile(BOB) as bob:
            koala.bind(seats=5)
        koala.bind(pro=True)
    assert (alice.bound, bob.bound) == ({"plan": "team", "pro": True}, {"seats": 5})


def test_bind_is_of_one_call_of_a_decorated_function() -> None:
    @koala.profile(ALICE)
    def job(name: str) -> list[str]:
        koala.bind(**{name: True})
        visitor = koala.current_visitor()
        return list(visitor.bound) if visitor else []

    assert [job("a"), job("b")] == [["a"], ["b"]]


def test_threads_that_bind_at_once_lose_nothing() -> None:
    class Slow(Mapping[str, object]):
        """Properties that take long enough to copy for another thread to come between."""

        def __getitem__(self, name: str) -> object:
            raise KeyError

        def __iter__(self) -> Iterator[str]:
            time.sleep(0.05)
            return iter(())

        def __len__(self) -> int:
            return 0

    names = ["a", "b", "c"]
    barrier = threading.Barrier(len(names))
    with koala.profile(ALICE) as visitor:
        visitor.bound = Slow()

        def work(name: str) -> None:
            barrier.wait()
            koala.bind(**{name: True})

        threads = [threading.Thread(target=koala.carry(work), args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert visitor.bound == dict.fromkeys(names, True)


def test_bind_goes_where_the_visitor_goes() -> None:
    with ThreadPoolExecutor(8) as pool, koala.profile(ALICE) as visitor:
        bind = koala.carry(koala.bind)
        futures = [pool.submit(bind, **{f"p{number}": number}) for number in range(200)]
        assert [future.result() for future in futures] == [None] * 200
        assert len(visitor.bound) == 200


# outgoing_headers()


def test_outgoing_headers_outside_a_request() -> None:
    assert koala.outgoing_headers() == {}
    with koala.profile(ALICE):
        assert koala.outgoing_headers() == {"X-Koala-Profile-Id": ALICE}
