"""Celery workers that are replaced while tasks arrive, and the tasks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import segment.analytics as analytics
from celery import Celery
from celery.signals import worker_ready

import koala_middleware as koala
from koala_middleware.contrib.celery import instrument
from tests.redis_server import running_redis
from tests.storm.client import Outcome
from tests.storm.deploy import PERIOD, Row, row
from tests.storm.plan import Request
from tests.storm.processes import CHECKOUT, running_collector, without_coverage

STOP_SECONDS = 30
READY = b"ready\n"

app = Celery("storm", broker=os.environ.get("STORM_BROKER"), set_as_current=False)
app.conf.broker_connection_retry_on_startup = True
app.conf.task_ignore_result = True
instrument(app, flush_seconds=float(os.environ.get("STORM_FLUSH_SECONDS", "5")))
analytics.write_key, analytics.host = "storm", os.environ.get("STORM_COLLECTOR")


@worker_ready.connect  # type: ignore[untyped-decorator]  # Celery has no types
def _say_so(**_: object) -> None:
    os.write(1, READY)  # Celery logs what is printed


@app.task  # type: ignore[untyped-decorator]  # Celery has no types
def view(ref: str) -> None:
    """Track, as the visitor who sent this."""
    analytics.track("u1", "view", {"ref": ref})


def deploy_workers(seconds: float, flush_seconds: float) -> Row:
    """Replace a worker by another, with a warm shutdown, again and again."""
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory(prefix="deploy") as folder,
        running_redis(Path(folder)) as broker,
        running_collector("--bad") as collector,
    ):
        app.conf.broker_url = broker
        instrument(app)  # a test that ran before may have uninstrumented it
        environment = {
            **without_coverage(),
            "STORM_BROKER": broker,
            "STORM_COLLECTOR": collector,
            "STORM_FLUSH_SECONDS": str(flush_seconds),
        }
        deploys, slowest, worker = 0, 0.0, _start(environment)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _send(outcomes, PERIOD)
            deploys += 1
            old, worker = worker, _start(environment)
            slowest = max(slowest, _stop(old))
        while app.connection_for_read().default_channel.client.llen("celery"):
            time.sleep(0.1)
        _stop(worker)
        return row("celery", outcomes, collector, deploys, slowest)


def _send(outcomes: list[Outcome], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        request = Request(str(uuid4()), "bare", "plain", str(uuid4()), None, "")
        with koala.profile(request.profile_id):
            view.delay(request.ref)
        outcomes.append(Outcome(request, frozenset({"view"})))
        time.sleep(0.002)


def _start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    options = "worker --pool prefork --concurrency 2 --loglevel ERROR --without-gossip"
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", __name__, *options.split()]
    worker = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    for line in worker.stdout:  # earlier, Celery may lose the signal that ends it
        if line == READY:
            break
    return worker


def _stop(worker: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    worker.terminate()
    try:
        worker.communicate(timeout=STOP_SECONDS)
    finally:
        worker.kill()
    return time.monotonic() - began
