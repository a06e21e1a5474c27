"""Segment's real SDKs, sending to the inspector what applications call them with."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

import pytest

import koala_middleware as koala
from koala_middleware.inspector.storage.event_store import Filter
from tests.inspecting import Inspector, inspecting
from tests.visitors import ALICE

SDKS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            "CI" not in os.environ and importlib.util.find_spec(name) is None,
            reason=f"the SDK's module {name} is not installed: pip install {package}",
        ),
        id=name,
    )
    for name, package in (
        ("segment.analytics", "segment-analytics-python"),
        ("analytics", "analytics-python==1.4.post1"),
    )
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
    with inspecting(tmp_path_factory.mktemp("inspector") / "x.db") as running:
        yield running


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest, running: Inspector) -> Any:
    running.store.clear()
    koala.instrument()
    return importlib.import_module(f"{request.param}.client")


@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"sync_mode": True}])
def test_what_an_sdk_sends_is_shown_with_its_visitor(
    running: Inspector, sdk: Any, options: dict[str, Any]
) -> None:
    client = sdk.Client("abcdefghijklmnop", host=running.url, **options)
    with koala.profile(ALICE):
        client.track("u", "Signed Up", {"plan": "team"})
        client.identify("u", {"email": "a@example.com"})
        client.page("u", None, "Home")
        client.group("u", "g")
        client.alias("u", "v")
        client.screen("u", None, "Main")
    client.track("u", "Nightly Job")
    if "sync_mode" not in options:  # with it there is nothing to wait for
        client.shutdown()
    rows = running.store.rows(Filter(after=0), 99)
    assert [(row["type"], row["event"], row["profile_id"], row["verdict"]) for row in rows] == [
        ("track", "Signed Up", ALICE, "accepted"),
        ("identify", None, None, "accepted"),
        ("page", "Home", None, "ignored"),
        ("group", None, None, "ignored"),
        ("alias", None, None, "ignored"),
        ("screen", "Main", None, "ignored"),
        ("track", "Nightly Job", None, "dropped"),
    ]
    assert {row["write_key"] for row in rows} == {"abc…"}


def test_an_sdk_uploads_much_in_batches(running: Inspector, sdk: Any) -> None:
    client = sdk.Client("abcdefghijklmnop", host=running.url)
    for number in range(250):
        client.track("u", f"e{number}", {"text": "x" * 5000})
    client.shutdown()
    names = [row["event"] for row in running.store.rows(Filter(after=0), 999)]
    assert names == [f"e{number}" for number in range(250)]
