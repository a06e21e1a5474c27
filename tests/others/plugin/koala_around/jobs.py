"""Our plugins in the task queues, and a visitor for each test."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import wrapt

import koala_middleware
from koala_middleware import profile

from . import mode, visits


def instrument(_: Any, name: str) -> None:
    """Instrument a queue whose plugin has a function for it."""
    import_module(f"koala_middleware.contrib.{name}").instrument(**mode.OPTIONS)


def instrument_threads(_: Any) -> None:
    koala_middleware.instrument(threads=True)


def add_to_taskiq(broker: Any) -> None:
    from koala_middleware.contrib.taskiq import KoalaMiddleware

    broker.add_middlewares(KoalaMiddleware(**mode.OPTIONS))


def run_tests_as_visitors(module: Any) -> None:
    """Have a visitor current around each test that pytest runs, its fixtures included."""

    def call(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with profile(visits.next_profile_id()):
            return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(module, "runtestprotocol", call)
