"""What holds when many threads come at once, with or without a global lock in the interpreter."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware import imports
from koala_middleware.current import call_as
from koala_middleware.faults import log_once
from koala_middleware.patching import Patches
from koala_middleware.testing import capture_events
from koala_middleware.visitor import Visitor
from tests.visitors import ALICE, track

THREADS = 16
ROUNDS = 50


@pytest.fixture(autouse=True)
def _eager_switches() -> Iterator[None]:
    """Have threads take turns as often as can be, where a global lock has them take turns."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


def at_once(pool: ThreadPoolExecutor, call: Callable[..., object], *args: object) -> list[Any]:
    """Call ``call`` in all threads at once, with the arguments and the number of the thread."""
    barrier = threading.Barrier(THREADS)

    def wait_and_call(number: int) -> object:
        barrier.wait(30)
        return call(*args, number)

    return list(pool.map(wait_and_call, range(THREADS)))


def give_way() -> None:
    """Let other threads in, where the interpreter alone seldom would."""
    time.sleep(0)


def test_fault_is_logged_once(pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    class Message(str):
        __slots__ = ()

        def __hash__(self) -> int:
            give_way()
            return super().__hash__()

    for number in range(ROUNDS):
        at_once(pool, lambda message, _: log_once(message), Message(f"fault {number}"))
    assert len(caplog.records) == ROUNDS


def test_method_is_wrapped_once(pool: ThreadPoolExecutor) -> None:
    class Owner:
        def method(self) -> str:
            return "method"

    wrapped = []

    def wrap(method: Callable[[Owner], str]) -> Callable[[Owner], str]:
        give_way()
        wrapped.append(method)
        return lambda self: f"wrapped {method(self)}"

    patches = Patches()
    for _ in range(ROUNDS):
        at_once(pool, lambda _: patches.wrap(Owner, "method", wrap))
        assert Owner().method() == "wrapped method"
        patches.undo()
    assert len(wrapped) == ROUNDS


@pytest.mark.parametrize("classes", [(), (Client,)], ids=["sdk", "class"])
def test_class_is_instrumented_once(pool: ThreadPoolExecutor, classes: tuple[type, ...]) -> None:
    """And before any of the calls returns. A second wrapper would outlive ``uninstrument()``."""
    methods = Client.track, Client.identify

    def instrument(_: int) -> object:
        koala.instrument(*classes)
        return getattr(Client.track, "__wrapped__", None)

    for _ in range(ROUNDS):
        assert set(at_once(pool, instrument)) == {methods[0]}
        koala.uninstrument()
        assert (Client.track, Client.identify) == methods


def test_finder_is_put_in_place_once(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, it would ask itself for a module for ever."""

    class SlowToCompare:
        def __eq__(self, other: object) -> bool:
            give_way()
            return self is other

        def find_spec(self, *_: object) -> None:
            """Find nothing."""

    for _ in range(ROUNDS):
        others = [finder for finder in sys.meta_path if finder is not imports._finder]
        monkeypatch.setattr(sys, "meta_path", [*others, SlowToCompare()])
        at_once(pool, lambda _: koala.instrument())
        assert sum(finder is imports._finder for finder in sys.meta_path) == 1


class SlowToBind(Visitor):
    """A visitor that lets other threads in between reading and writing what is bound."""

    @property
    def bound(self) -> Any:
        bound = self._bound
        give_way()
        return bound

    @bound.setter
    def bound(self, bound: Any) -> None:
        self._bound = bound


def test_bound_properties_are_all_kept(pool: ThreadPoolExecutor) -> None:
    for _ in range(ROUNDS):
        visitor = SlowToBind(ALICE)
        at_once(pool, lambda who, i: call_as(who, koala.bind, **{f"p{i}": i}), visitor)
        assert visitor.bound == {f"p{i}": i for i in range(THREADS)}


def test_cookies_are_read_whole(pool: ThreadPoolExecutor) -> None:
    """A thread that finds the cookies read finds the ids as well."""
    for _ in range(ROUNDS):
        visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=a1")
        ids = at_once(pool, lambda who, _: (who.profile_id, who.anonymous_id), visitor)
        assert set(ids) == {(ALICE, "a1")}


def test_capture_misses_nothing_while_others_open_and_close(pool: ThreadPoolExecutor) -> None:
    koala.instrument()
    enqueue, init = Client._enqueue, Client.__init__

    def open_and_track(number: int) -> None:
        for _ in range(ROUNDS):
            with capture_events() as own:
                track(f"event {number}")
            assert f"event {number}" in [event["event"] for event in own]

    with capture_events() as events:
        at_once(pool, open_and_track)
    assert len(events) == THREADS * ROUNDS
    at_once(pool, open_and_track)
    assert (Client._enqueue, Client.__init__) == (enqueue, init)
