"""Who is current, after any order of steps: the library against a plain model."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import koala_middleware as koala
from koala_middleware import current
from koala_middleware.visitor import Visitor
from koala_middleware.wsgi import KoalaMiddleware
from tests.visitors import ALICE, BOB, start_response

R = TypeVar("R")

CAROL = "ca501000-0000-4000-8000-000000000000"
SERVER = "5e45e500-0000-4000-8000-000000000000"  # whom a server left in its context

BOUNDED = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
PEOPLE = st.sampled_from([ALICE, BOB, CAROL, None])
ANY = st.integers(0, 11)  # which of those there are by now


class BodyError(Exception):
    """What a body raises."""


# WSGI bodies

ACTIONS = st.sampled_from(
    ["yield", "yield", "enter", "enter", "leave", "raise", "request", "carry"]
)


class Bodies(RuleBasedStateMachine):
    """Many bodies that one server makes, steps, closes and drops in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.app = KoalaMiddleware(self.application)
        self.bodies: list[Any] = []
        self.wrong: list[tuple[str | None, str | None]] = []
        self.closing = False
        self.thread = ThreadPoolExecutor(1)
        self.places: list[Callable[[Callable[[], None]], None]] = [
            lambda call: call(),
            lambda call: contextvars.Context().run(call),
            lambda call: contextvars.copy_context().run(call),
            lambda call: self.thread.submit(call).result(),
            self.where_somebody_is_current,
        ]

    def where_somebody_is_current(self, call: Callable[[], None]) -> None:
        with koala.profile(SERVER):
            call()
            self.expect(SERVER)

    def application(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        owner, actions = environ["owner"], environ["actions"]
        self.expect(owner)
        return self.body(owner, actions)

    def request(self, owner: str | None, actions: list[str]) -> Any:
        environ = {"HTTP_COOKIE": f"ko_id={owner}" if owner else "a=1"}
        return self.app({**environ, "owner": owner, "actions": actions}, start_response)

    def body(self, owner: str | None, actions: list[str]) -> Iterator[bytes]:
        """Look in each step who is current; a ``profile()`` ends with the step."""
        inside = [owner]
        try:
            with ExitStack() as profiles:
                for number, action in enumerate(actions):
                    self.expect(inside[-1])
                    match action:
                        case "yield":
                            yield b"x"
                            inside = [owner]
                        case "enter":
                            inside.append([ALICE, BOB, CAROL, None][number % 4])
                            profiles.enter_context(koala.profile(inside[-1]))
                        case "leave":
                            profiles.pop_all().close()
                            inside = [owner]
                        case "raise":
                            raise BodyError
                        case "request":
                            assert list(self.request(BOB, ["yield"])) == [b"x"]
                        case "carry":
                            seen = self.thread_of_its_own(koala.carry(koala.get_profile_id))
                            self.wrong += [(inside[-1], seen)] * (inside[-1] != seen)
            self.expect(owner)
        finally:
            # A body that is dropped is closed by the garbage collector, for nobody.
            if self.closing:
                self.expect(owner)

    def thread_of_its_own(self, call: Callable[[], R]) -> R:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(call).result()

    def expect(self, profile_id: str | None) -> None:
        seen = koala.get_profile_id()
        if seen != profile_id:
            self.wrong.append((profile_id, seen))

    @rule(owner=PEOPLE, actions=st.lists(ACTIONS, max_size=8), place=ANY, steps=st.integers(0, 2))
    def start(self, owner: str | None, actions: list[str], place: int, steps: int) -> None:
        self.at(place, lambda: self.bodies.append(self.request(owner, actions)))
        for _ in range(steps):
            self.step(-1, place)

    @precondition(lambda self: self.bodies)
    @rule(which=ANY, place=ANY)
    def step(self, which: int, place: int) -> None:
        body = self.bodies[which % len(self.bodies)]

        def step() -> None:
            with suppress(BodyError):
                next(body, None)

        self.at(place, step)

    @precondition(lambda self: self.bodies)
    @rule(which=ANY, place=ANY)
    def close(self, which: int, place: int) -> None:
        self.closing = True
        self.at(place, self.bodies[which % len(self.bodies)].close)
        self.closing = False

    @precondition(lambda self: self.bodies)
    @rule(which=ANY, place=st.sampled_from([0, 1, 2, 3, 4, 4, 4, 4]))
    def drop(self, which: int, place: int) -> None:
        self.at(place, lambda: self.bodies.pop(which % len(self.bodies)) and None)

    def at(self, place: int, call: Callable[[], None]) -> None:
        self.places[place % len(self.places)](call)

    @invariant()
    def each_saw_its_own_visitor(self) -> None:
        assert self.wrong == []

    @invariant()
    def nobody_is_current_outside(self) -> None:
        assert current.variable.get() is None
        assert self.thread.submit(current.variable.get).result() is None

    def teardown(self) -> None:
        self.bodies.clear()
        self.thread.shutdown()
        current.variable.set(None)


TestBodies = Bodies.TestCase
TestBodies.settings = BOUNDED


# profile(), carry() and bind()


@dataclass(eq=False)
class Scope:
    """What the model knows of a visitor."""

    profile_id: str | None
    visitor: Visitor
    bound: dict[str, int] = field(default_factory=dict)


class Worker:
    """A thread or a task, and the scopes that it is in."""

    def __init__(self, ask: Callable[[Callable[[], Any]], Any], base: Scope | None = None) -> None:
        self.ask = ask
        self.base = base  # a task begins with the visitor of who made it
        self.entered: list[tuple[koala.profile, Scope]] = []

    @property
    def scope(self) -> Scope | None:
        return self.entered[-1][1] if self.entered else self.base


async def serve(asked: asyncio.Queue[tuple[Callable[[], Any], asyncio.Future[Any]]]) -> None:
    while True:
        call, answer = await asked.get()
        await asyncio.sleep(0)
        answer.set_result(call())


def drive(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run what only sleeps(0), in the context of the caller."""
    answer: list[R] = []

    def steps() -> Generator[Any, None, None]:
        answer.append((yield from coroutine.__await__()))

    list(steps())
    return answer[0]


def drive_aenter(profile: koala.profile) -> Visitor:
    return drive(profile.__aenter__())


def drive_aexit(profile: koala.profile) -> None:
    drive(profile.__aexit__())


async def current_later() -> Visitor | None:
    await asyncio.sleep(0)
    return current.variable.get()


class Scopes(RuleBasedStateMachine):
    """Threads and tasks that enter the same profiles and call what others carried."""

    @initialize()
    def begin(self) -> None:
        self.profiles = [koala.profile(each) for each in (ALICE, BOB, CAROL, None)]
        self.carried: list[tuple[Callable[[], Visitor | None], Scope | None]] = []
        self.carried_binds: list[tuple[Callable[..., None], Scope | None]] = []
        self.loop = asyncio.new_event_loop()
        self.tasks: list[asyncio.Task[None]] = []
        self.pools = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
        self.workers = [Worker(lambda call: call())]
        self.workers += [Worker(functools.partial(self.in_thread, pool)) for pool in self.pools]
        self.make_task(0)

    def in_thread(self, pool: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return pool.submit(call).result()

    def in_task(self, asked: asyncio.Queue[Any], call: Callable[[], R]) -> R:
        async def ask() -> R:
            answer: asyncio.Future[R] = self.loop.create_future()
            await asked.put((call, answer))
            return await answer

        return self.loop.run_until_complete(ask())

    def worker(self, which: int) -> Worker:
        return self.workers[which % len(self.workers)]

    @precondition(lambda self: len(self.workers) < 6)
    @rule(maker=ANY)
    def make_task(self, maker: int) -> None:
        by = self.worker(maker)
        asked: asyncio.Queue[Any] = asyncio.Queue()
        self.tasks.append(by.ask(lambda: self.loop.create_task(serve(asked))))
        self.workers.append(Worker(functools.partial(self.in_task, asked), by.scope))

    @rule(which=ANY, people=st.lists(ANY, min_size=1, max_size=3), later=st.booleans())
    def enter(self, which: int, people: list[int], later: bool) -> None:
        worker = self.worker(which)
        for person in people:
            profile, profile_id = self.profiles[person % 4], (ALICE, BOB, CAROL, None)[person % 4]
            enter = functools.partial(drive_aenter, profile) if later else profile.__enter__
            worker.entered.append((profile, Scope(profile_id, worker.ask(enter))))

    @rule(which=ANY, later=st.booleans(), times=st.integers(1, 2))
    def leave(self, which: int, later: bool, times: int) -> None:
        worker = self.worker(which)
        for _ in range(min(times, len(worker.entered))):
            profile, _ = worker.entered.pop()
            worker.ask(functools.partial(drive_aexit, profile) if later else profile.__exit__)
            self.each_is_who_the_model_says()

    @rule(which=ANY, person=ANY, fails=st.booleans(), later=st.booleans())
    def decorate(self, which: int, person: int, fails: bool, later: bool) -> None:
        def look() -> None:
            seen.append((koala.get_profile_id(), current.variable.get().bound))  # type: ignore[union-attr]
            koala.bind(now=person)
            if fails:
                raise BodyError

        async def look_later() -> None:
            await asyncio.sleep(0)
            look()

        def call() -> None:
            with suppress(BodyError):
                drive(decorated()) if later else decorated()

        seen: list[object] = []
        decorated: Callable[[], Any] = self.profiles[person % 4](look_later if later else look)
        for _ in range(2):
            self.worker(which).ask(call)
        assert seen == [((ALICE, BOB, CAROL, None)[person % 4], {})] * 2

    @rule(which=ANY, caller=ANY, later=st.booleans())
    def carry(self, which: int, caller: int, later: bool) -> None:
        def make() -> Callable[[], Visitor | None]:
            if not later:
                return koala.carry(current.variable.get)
            carried = koala.carry(current_later)
            return lambda: drive(carried())

        worker = self.worker(which)
        self.carried.append((worker.ask(make), worker.scope))
        self.call(caller, -1)

    @precondition(lambda self: self.carried)
    @rule(which=ANY, carried=ANY)
    def call(self, which: int, carried: int) -> None:
        call, scope = self.carried[carried % len(self.carried)]
        assert self.worker(which).ask(call) is (scope and scope.visitor)

    @rule(which=ANY, caller=ANY, value=ANY)
    def bind(self, which: int, caller: int, value: int) -> None:
        """Bind at once, and bind later in another's name."""
        worker = self.worker(which)
        worker.ask(lambda: koala.bind(now=value))
        self.carried_binds.append((worker.ask(lambda: koala.carry(koala.bind)), worker.scope))
        if worker.scope:
            worker.scope.bound["now"] = value
        self.call_bind(caller, -1, value)

    @precondition(lambda self: self.carried_binds)
    @rule(which=ANY, carried=ANY, value=ANY)
    def call_bind(self, which: int, carried: int, value: int) -> None:
        bind, scope = self.carried_binds[carried % len(self.carried_binds)]
        self.worker(which).ask(lambda: bind(later=value))
        if scope:
            scope.bound["later"] = value

    @invariant()
    def each_is_who_the_model_says(self) -> None:
        for worker in self.workers:
            visitor = worker.ask(current.variable.get)
            scope = worker.scope
            assert visitor is (scope and scope.visitor)
            assert worker.ask(koala.get_profile_id) == (scope and scope.profile_id)
            if scope:
                assert scope.visitor.bound == scope.bound

    def teardown(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()
        for pool in self.pools:
            pool.shutdown()
        current.variable.set(None)


TestScopes = Scopes.TestCase
TestScopes.settings = BOUNDED
