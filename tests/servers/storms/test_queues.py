"""Every task queue with a real broker and real workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import running_redis
from tests.servers.storms.queue_sites import SITES
from tests.servers.storms.queue_storm import Outcome, storm

# These soon give what a killed worker had taken to another one.
REDELIVERING = ("dramatiq", "taskiq", "arq")
# Each of the two workers that are stopped may exit with a job that it has claimed and not begun.
# RQ gives it to another worker after minutes, django-tasks-db does not.
CLAIMED = {"rq": 2, "django_tasks": 2}


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis server."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.mark.parametrize("name", SITES)
def test_no_job_is_mixed_up_and_no_event_is_lost(name: str, redis_url: str, tmp_path: Path) -> None:
    """Those of the last jobs, too, which the SDK has queued when the workers are stopped."""
    outcome = storm(name, 200, "stopped", f"{redis_url}/{list(SITES).index(name)}", tmp_path)
    assert outcome.lost <= CLAIMED.get(name, 0)
    run = 220 - outcome.lost
    assert outcome == Outcome(sent=220, run=run, wrong=0, lost=outcome.lost, twice=0)


@pytest.mark.parametrize("name", REDELIVERING)
def test_job_of_a_killed_worker_runs_again_as_its_visitor(
    name: str, redis_url: str, tmp_path: Path
) -> None:
    outcome = storm(name, 40, "killed", f"{redis_url}/{8 + list(SITES).index(name)}", tmp_path)
    assert (outcome.run, outcome.wrong, outcome.lost) == (44, 0, 0)
