"""What every test may use."""

from __future__ import annotations

import gc
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import django
import hypothesis
import pytest
import segment.analytics as analytics
from django.conf import settings
from django.test import override_settings
from segment.analytics.client import Client

from koala_middleware import current, explanation, faults, uninstrument
from koala_middleware.segment import explaining
from koala_middleware.testing import capture_events

with warnings.catch_warnings():
    # Which HTTP client Starlette's test client likes best is of no interest here.
    warnings.simplefilter("ignore")
    import starlette.testclient  # noqa: F401

# How long an example takes says more of the machine than of us.
hypothesis.settings.register_profile("koala", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("koala")
hypothesis.settings.register_profile("few", max_examples=20)

settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="tests", USE_TZ=True)
django.setup()


@pytest.fixture(autouse=True)
def clean_process() -> Iterator[None]:
    """Leave nobody current, the SDK as it was imported, and faults to be logged anew."""
    yield
    uninstrument()
    faults._reported.clear()
    explaining._announced.clear()
    explanation._built.clear()
    analytics.write_key = analytics.default_client = None
    left_over = current.variable.get()
    current.variable.set(None)
    assert left_over is None


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    """Collect the messages that Segment's clients would send."""
    with capture_events() as captured:
        yield captured


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return the names of a module of somebody's project, to run the code of the docs in.

    ``use_settings(**changed)`` is there for its invisible code.
    """
    module = ModuleType("shop.privacy")
    del module.__spec__  # of None, Python 3.15 warns when a traceback is printed
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))  # Pyramid looks for it
    monkeypatch.setattr(analytics, "host", analytics.host)
    root = logging.getLogger()  # which Litestar configures
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    with ExitStack() as stack:
        stack.callback(root.setLevel, root.level)

        def use_settings(**changed: Any) -> None:
            stack.enter_context(override_settings(**changed))

        vars(module)["use_settings"] = use_settings
        yield vars(module)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Leave what is in a cycle uncollected."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Analytics(Client):  # type: ignore[misc]  # the SDK has no types
    """A client as applications make their own."""

    def track(self, *args: Any, **kwargs: Any) -> Any:
        return super().track(*args, **kwargs)


# Made before any middleware is.
client, subclass = Client("key", send=False), Analytics("key", send=False)


@pytest.fixture(
    params=[
        pytest.param(lambda: analytics.track("u1", "Signed Up"), id="module function"),
        pytest.param(lambda: client.track("u1", "Signed Up"), id="instance"),
        pytest.param(lambda: subclass.track("u1", "Signed Up"), id="subclass"),
        pytest.param(
            lambda: analytics.track("u1", "Signed Up", {}, None, None, None, None, None),
            id="eight by position",
        ),
        pytest.param(
            lambda: analytics.track(event="Signed Up", user_id="u1", properties=None),
            id="by keyword",
        ),
    ]
)
def sign_up(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return one of the ways in which applications track that u1 signed up."""
    way: Callable[[], Any] = request.param
    return way
