"""Koala's visitor for RQ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from koala_middleware.carrier import inject, read_visitor
from koala_middleware.contrib._extras import needing
from koala_middleware.contrib._jobs import Hooks
from koala_middleware.current import call_as
from koala_middleware.faults import log_once
from koala_middleware.options import OptionKeywords, Options
from koala_middleware.segment.exits import finish

with needing("rq"):
    from rq import Worker, get_current_job
    from rq.job import Job

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _create(options: Options, create: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    job = create(*args, **kwargs)
    job.meta = dict(job.meta)  # which is the caller's own
    inject(job.meta)
    return job


def _perform(
    options: Options, perform: Callable[..., Any], worker: Any, job: Any, *args: Any, **kwargs: Any
) -> Any:
    try:
        return _monitor(options, perform, worker, job, *args, **kwargs)
    finally:
        if worker.is_horse:  # which ends by os._exit(), and skips Python's own exit
            finish()


def _monitor(
    options: Options, monitor: Callable[..., Any], worker: Any, job: Any, *args: Any, **kwargs: Any
) -> Any:
    return call_as(read_visitor(job.meta, options), monitor, worker, job, *args, **kwargs)


def _owner(name: str) -> type:
    """Return the class that a method of workers is defined in."""
    return next(kind for kind in Worker.__mro__ if name in vars(kind))


_hooks = Hooks(
    # What every job is made by, whichever way it is enqueued. Its meta stays through retries.
    (Job, "create", _create),
    # What runs a job with its callbacks, and what watches over the process that does.
    (_owner("perform_job"), "perform_job", _perform),
    (_owner("monitor_work_horse"), "monitor_work_horse", _monitor),
)
uninstrument: Callable[[], None] = _hooks.uninstrument


def instrument(**options: Unpack[OptionKeywords]) -> None:
    """Let each job run as the visitor who was current where it was created.

    Call this where jobs are enqueued and where the worker starts. Segment's calls are instrumented,
    too, and a work horse uploads what its job has queued before it ends.

    :param options: those of :class:`koala_middleware.Options`, of which a job needs two:
        ``property_name``, and ``parse``, which a profile id that arrives must pass once more.

    Raises TypeError or ValueError for an unknown or wrong option.
    """
    if get_current_job() is not None:
        log_once(
            "instrument() was called by a job's own module while the job runs, which has nobody: "
            "import the module in the worker, as rq worker -c does"
        )
    _hooks.instrument(**options)
