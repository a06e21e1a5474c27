"""A worker of Celery in a thread, tasks without one, and an app whose messages nobody takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

from koala_middleware.contrib.celery import instrument, uninstrument
from tests.contrib.celery.tasks import app


@pytest.fixture(scope="module")
def running_worker() -> Iterator[None]:
    """Run a worker in a thread: tasks one after the other, in one context."""

    def leave_logging_alone(**_: object) -> None:
        """Be there: then Celery sets up nothing."""

    signals.setup_logging.connect(leave_logging_alone)
    try:
        with start_worker(app, perform_ping_check=False):
            yield
    finally:
        signals.setup_logging.disconnect(leave_logging_alone)


@pytest.fixture(autouse=True)
def uninstrumented() -> Iterator[None]:
    """Leave Celery as it was."""
    yield
    uninstrument()


@pytest.fixture
def worker(running_worker: None) -> None:
    """Instrument Celery, with a worker that runs already."""
    instrument()


@pytest.fixture
def eager() -> Iterator[None]:
    app.conf.task_always_eager = True
    instrument()
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def sender() -> Iterator[Celery]:
    """An app whose messages nobody takes."""
    sender = Celery("sender", broker="memory://", set_as_current=False)
    sender.conf.task_default_queue = "nobody"
    instrument()
    yield sender
    sender.close()
