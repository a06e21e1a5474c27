"""The visitors of code outside a request: profile() and carry()."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

import koala_middleware as koala
from koala_middleware import current
from koala_middleware.current import await_as, call_as
from koala_middleware.options import Options
from koala_middleware.visitor import Visitor
from tests.visitors import ALICE, BOB


def test_profile_as_a_context_manager() -> None:
    with koala.profile(ALICE) as visitor:
        assert koala.get_profile_id() == ALICE
        assert koala.current_visitor() is visitor
    assert koala.current_visitor() is None


def test_profile_as_an_async_context_manager() -> None:
    async def main() -> str | None:
        async with koala.profile(ALICE):
            await asyncio.sleep(0)
            return koala.get_profile_id()

    assert asyncio.run(main()) == ALICE


def test_profile_as_a_decorator() -> None:
    @koala.profile(ALICE)
    def job() -> str | None:
        return koala.get_profile_id()

    assert (job(), koala.get_profile_id()) == (ALICE, None)


def test_profile_as_a_decorator_of_a_coroutine_function() -> None:
    @koala.profile(ALICE)
    async def job() -> str | None:
        await asyncio.sleep(0)
        return koala.get_profile_id()

    assert inspect.iscoroutinefunction(job)
    assert asyncio.run(job()) == ALICE


def test_profile_nests() -> None:
    with koala.profile(ALICE), koala.profile(BOB):
        with koala.profile(None):
            assert koala.current_visitor() is None
        assert koala.get_profile_id() == BOB


def test_profiles_may_be_left_in_the_order_they_were_entered() -> None:
    alice, bob, nobody = koala.profile(ALICE), koala.profile(BOB), koala.profile(None)
    for each in (alice, bob, nobody, alice):
        each.__enter__()
    for each, left in ((bob, ALICE), (alice, None), (alice, None), (nobody, None)):
        each.__exit__()
        assert koala.get_profile_id() == left
    assert current.variable.get() is None


def test_profile_may_be_entered_again() -> None:
    alice = koala.profile(ALICE)
    with alice, koala.profile(BOB), alice:
        assert koala.get_profile_id() == ALICE
    assert koala.current_visitor() is None


def test_profile_may_be_shared_by_threads() -> None:
    """A token kept on the object would be another thread's."""
    alice = koala.profile(ALICE)
    inside = threading.Barrier(2)

    def enter() -> bool:
        with alice:
            inside.wait()
            seen = koala.get_profile_id()
            inside.wait()
        return seen == ALICE and koala.current_visitor() is None

    with ThreadPoolExecutor(2) as pool:
        assert all(future.result() for future in [pool.submit(enter), pool.submit(enter)])


def test_profile_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), koala.profile(ALICE):
        raise KeyError
    assert koala.current_visitor() is None


def test_profile_left_in_another_context_changes_nothing_there() -> None:
    def steps() -> Iterator[None]:
        with koala.profile(ALICE):
            yield

    generator = steps()
    contextvars.Context().run(next, generator)
    with koala.profile(BOB):
        next(generator, None)
        assert koala.get_profile_id() == BOB


def test_profile_takes_a_uuid() -> None:
    with koala.profile(UUID(ALICE), anonymous_id=UUID(BOB)) as visitor:
        assert (visitor.profile_id, visitor.anonymous_id) == (ALICE, BOB)


def test_profile_of_an_empty_text_is_nobody() -> None:
    with koala.profile(""):
        assert koala.current_visitor() is None


def test_profile_refuses_other_types() -> None:
    """Rather than a track call, which the SDK refuses them in."""
    with pytest.raises(TypeError, match=r"profile_id: expected a str, a uuid\.UUID or None, got 5"):
        koala.profile(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"anonymous_id: expected a str, .*, got 5"):
        koala.profile(ALICE, anonymous_id=5)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"profile options: expected a koala_middleware\.Options, or"
    ):
        koala.profile(ALICE, options={"identify": True})  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"extract options: expected a koala_middleware\.Options, or"
    ):
        koala.extract({}, options={"identify": True})  # type: ignore[arg-type]


def test_profile_keeps_the_options_of_its_request() -> None:
    request = Visitor(None, None, None, Options(property_name="visitor"))
    with koala.profile(ALICE) as outside:
        assert outside.options.property_name == "profile_id"
    inside = call_as(request, koala.profile(ALICE).__enter__)
    assert inside.options is request.options


def test_profile_takes_options() -> None:
    options = Options(property_name="visitor")
    with koala.profile(ALICE, options=options) as visitor:
        assert visitor.options is options


# carry()


def add(a: int, b: int = 0) -> tuple[int, str | None]:
    """Add."""
    return a + b, koala.get_profile_id()


async def add_later(a: int, b: int = 0) -> tuple[int, str | None]:
    await asyncio.sleep(0)
    return add(a, b)


class Adder:
    def method(self, a: int) -> tuple[int, str | None]:
        return add(a)

    async def __call__(self, a: int) -> tuple[int, str | None]:
        return add(a)


def test_carry_into_a_thread() -> None:
    with ThreadPoolExecutor(1) as pool, koala.profile(ALICE):
        assert pool.submit(add, 1).result() == (1, None)
        assert pool.submit(koala.carry(add), 1, b=2).result() == (3, ALICE)
        assert pool.submit(koala.get_profile_id).result() is None


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(add, id="function"),
        pytest.param(Adder().method, id="method"),
        pytest.param(functools.partial(add, b=0), id="partial"),
    ],
)
def test_carry_takes(call: object) -> None:
    with koala.profile(ALICE):
        carried = koala.carry(call)  # type: ignore[type-var]
    assert carried(1) == (1, ALICE)  # type: ignore[operator]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(add_later, id="coroutine-function"),
        pytest.param(functools.partial(add_later, 1), id="partial"),
        pytest.param(functools.partial(Adder().__call__, 1), id="method"),
        pytest.param(Adder(), id="object"),
    ],
)
def test_carry_takes_async(call: object) -> None:
    with koala.profile(ALICE):
        carried = koala.carry(call)  # type: ignore[type-var]
    arguments = () if isinstance(call, functools.partial) else (1,)
    assert asyncio.run(carried(*arguments)) == (1, ALICE)  # type: ignore[operator]


def test_carry_passes_all_arguments_on() -> None:
    assert asyncio.run(koala.carry(add_later)(1, b=2)) == (3, None)


def test_carry_takes_a_class() -> None:
    """Its ``__call__`` is that of its objects."""
    with koala.profile(ALICE):
        assert isinstance(koala.carry(Adder)(), Adder)


def test_carry_keeps_name_and_signature() -> None:
    carried = koala.carry(add)
    assert (carried.__name__, carried.__doc__) == ("add", "Add.")
    assert inspect.signature(carried) == inspect.signature(add)


def test_carry_takes_nobody_along() -> None:
    carried = koala.carry(koala.get_profile_id)
    with koala.profile(ALICE):
        assert carried() is None


def test_carry_restores_after_an_exception() -> None:
    with koala.profile(ALICE):
        carried = koala.carry(int)
    with koala.profile(BOB):
        with pytest.raises(ValueError, match="invalid literal"):
            carried("x")
        assert koala.get_profile_id() == BOB


async def async_generator() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("call", [generator, async_generator])
@pytest.mark.parametrize("scope", [koala.carry, koala.profile(ALICE)])
def test_generator_functions_are_refused(call: object, scope: object) -> None:
    """Their bodies run after the call has returned, when the visitor would be gone."""
    with pytest.raises(TypeError, match="got a generator"):
        scope(call)  # type: ignore[operator]


# The scope itself


def test_await_as_closed_in_another_context() -> None:
    """https://github.com/open-telemetry/opentelemetry-python/issues/2606"""

    async def endless() -> None:
        await asyncio.Future()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    coroutine = await_as(Visitor(ALICE), endless)
    contextvars.Context().run(coroutine.send, None)
    with koala.profile(BOB):
        coroutine.close()
        assert koala.get_profile_id() == BOB
    asyncio.set_event_loop(None)
    loop.close()


def test_call_as_nobody() -> None:
    with koala.profile(ALICE):
        assert call_as(None, current.variable.get) is None
