"""Every task queue with a real broker and real workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_server import running_redis
from tests.servers.queue_sites import SITES
from tests.servers.queue_storm import Outcome, storm

# These take a job off their broker for good before it has run.
AT_MOST_ONCE = ("huey", "django_tasks")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis server."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.mark.parametrize("name", SITES)
def test_no_job_is_mixed_up_and_no_event_is_lost(name: str, redis_url: str, tmp_path: Path) -> None:
    """Those of the last jobs, too, which the SDK has queued when the workers are stopped."""
    outcome = storm(name, 200, "stopped", f"{redis_url}/{list(SITES).index(name)}", tmp_path)
    assert outcome == Outcome(sent=220, run=220, wrong=0, lost=0, twice=0)


@pytest.mark.parametrize("name", [name for name in SITES if name not in AT_MOST_ONCE])
def test_job_of_a_killed_worker_runs_again_as_its_visitor(
    name: str, redis_url: str, tmp_path: Path
) -> None:
    outcome = storm(name, 40, "killed", f"{redis_url}/{8 + list(SITES).index(name)}", tmp_path)
    assert (outcome.run, outcome.wrong, outcome.lost) == (44, 0, 0)
