"""Clients of every SDK, somebody who is current, and a collector for what clients upload."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from segment.analytics.client import Client
from segment.analytics.consumer import Consumer

import koala_middleware as koala
from koala_middleware.segment.outbox import Outbox
from tests.clients import SDKS
from tests.collector import Collector, collecting
from tests.visitors import ALICE


@pytest.fixture(params=SDKS)
def client_class(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(f"{request.param}.client").Client


@pytest.fixture
def client(client_class: Any) -> Any:
    return client_class("key", send=False)


@pytest.fixture
def alice() -> Iterator[None]:
    with koala.profile(ALICE):
        yield


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def make(collector: Collector) -> Iterator[Callable[..., Any]]:
    """Make clients of the collector, and end their uploads."""
    clients: list[Any] = []

    def make_client(**settings: Any) -> Any:
        clients.append(client := Client("secret key", **{"host": collector.url, **settings}))
        return client

    yield make_client
    for thread in threading.enumerate():
        if isinstance(thread, Consumer) and any(thread.queue is c.queue for c in clients):
            thread.pause()
            if isinstance(thread.queue, Outbox):
                thread.queue.wake()
            threading.Thread.join(thread, 10)  # not for long where it tries again and again
