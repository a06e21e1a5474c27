"""Clients of every SDK, and somebody who is current."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

import koala_middleware as koala
from tests.clients import SDKS
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
