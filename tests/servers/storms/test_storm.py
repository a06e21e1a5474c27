"""The short storm, and that a storm would notice what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from koala_middleware.contrib.celery import uninstrument
from tests.missing import skip_without
from tests.storm.client import Outcome
from tests.storm.deploy import DEPLOYS, deploy
from tests.storm.deploy_tasks import deploy_workers
from tests.storm.plan import Request
from tests.storm.servers import SERVERS, WITHOUT_WHEELS, version_of
from tests.storm.storm import storm
from tests.storm.verdict import judge, master
from tests.visitors import ALICE, BOB

REQUESTS = 750
DEPLOYED = (
    "gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "uvicorn", "granian", "celery"
)  # fmt: skip


@pytest.mark.parametrize("all_options", [False, True], ids=["plain", "all-options"])
@pytest.mark.parametrize("name", SERVERS)
def test_no_event_is_lost_or_of_another_visitor(name: str, all_options: bool) -> None:
    if name in WITHOUT_WHEELS:
        pytest.skip(f"{name}: no wheels for this Python")
    if missing := SERVERS[name].missing():
        skip_without(f"{name}: not installed: {', '.join(missing)}")
    done = storm(name, REQUESTS, all_options=all_options)
    assert done.faults == 0, "\n".join([*done.verdict.examples, done.log])
    assert sum(row.requests for row in done.verdict.rows.values()) == REQUESTS


@pytest.mark.parametrize("name", DEPLOYED)
def test_no_event_is_lost_in_a_deploy(name: str) -> None:
    """With a collector that is slow, fails, and answers 429."""
    packages = SERVERS[name].packages if name in SERVERS else ()
    if missing := [each for each in packages if version_of(each) is None]:
        skip_without(f"{name}: not installed: {', '.join(missing)}")
    try:
        done = deploy(name, 4) if name in DEPLOYS else deploy_workers(4, 5)
    finally:
        uninstrument()  # what sends the tasks runs here
    assert (done.lost, done.wrong_visitor, done.twice) == (0, 0, 0)
    assert done.deploys
    assert done.expected


def event(part: str, profile_id: str | None = ALICE, ref: str = "1") -> dict[str, Any]:
    properties = {"ref": ref} | ({"profile_id": profile_id} if profile_id else {})
    return {"event": part, "userId": "u1", "anonymousId": None, "properties": properties}


@pytest.mark.parametrize(
    ("events", "faults"),
    [
        pytest.param([event("view"), event("chunk0")], {}, id="all"),
        pytest.param([event("view"), event("chunk0"), event("chunk1")], {}, id="more"),
        pytest.param([event("view")], {"lost": 1}, id="lost"),
        pytest.param([event("view", BOB), event("chunk0")], {"wrong_visitor": 1}, id="another's"),
        pytest.param([event("view", None), event("chunk0")], {"wrong_visitor": 1}, id="nobody's"),
        pytest.param(
            [event("view"), event("view"), event("chunk0")], {"duplicates": 1}, id="twice"
        ),
        pytest.param(
            [event("view"), event("chunk0"), event("chunk1", BOB)],
            {"wrong_visitor": 1},
            id="another's after a hang-up",
        ),
    ],
)
def test_verdict(events: list[dict[str, Any]], faults: dict[str, int]) -> None:
    request = Request("1", "bare", "hangup", ALICE, None, f"ko_id={ALICE}")
    outcome = Outcome(request, frozenset({"view", "chunk0"}), frozenset({"chunk1"}))
    row = judge("server", [outcome], events).rows["bare"]
    kinds = ("wrong_visitor", "lost", "duplicates", "failed")
    assert {kind: getattr(row, kind) for kind in kinds if getattr(row, kind)} == faults


def test_verdict_of_an_event_that_nobody_asked_for() -> None:
    verdict = judge("server", [master()], [event("view", ref="7")])
    assert verdict.rows["unknown"].failed == 1
    assert verdict.rows["master"].lost == 1


def test_verdict_of_an_anonymous_id() -> None:
    request = Request("1", "bare", "anonymous", ALICE, "anonymous", "")
    outcome = Outcome(request, frozenset({"view"}))
    right = event("view") | {"userId": None, "anonymousId": "anonymous"}
    assert judge("server", [outcome], [right]).rows["bare"].faults == 0
    wrong = right | {"anonymousId": "another's"}
    assert judge("server", [outcome], [wrong]).rows["bare"].wrong_visitor == 1
