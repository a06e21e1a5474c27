"""Celery with a Redis broker and real workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.collector import Collector, collecting
from tests.redis_server import running_redis
from tests.visitors import ALICE, profile_ids

SITE = """
import sys
pool, redis_url, queue, segment_url = sys.argv[1:5]
if pool == "gevent":
    from gevent import monkey
    monkey.patch_all()

import json, os, time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4
import segment.analytics as analytics
from celery import Celery, chain, chord, group
from koala_middleware.contrib.celery import instrument
from koala_middleware.wsgi import KoalaMiddleware

app = Celery("site", broker=redis_url, backend=redis_url)
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = queue
app.conf.task_ignore_result = True
instrument(app)

# Seldom, so that the last events are still queued when the worker shuts down.
analytics.default_client = analytics.Client("key", host=segment_url, upload_interval=3)

def track(event):
    time.sleep(0.001)  # lets other visitors' tasks begin
    analytics.track("u1", event)

@app.task
def note(event):
    track(event)

@app.task(ignore_result=False)
def note_with_result(event):
    track(event)

@app.task(bind=True)
def retry(self, event):
    track(f"{event} try {self.request.retries}")
    if self.request.retries == 0:
        raise self.retry(countdown=0)

@app.task(bind=True, autoretry_for=(ValueError,), default_retry_delay=0)
def autoretry(self, event):
    track(f"{event} try {self.request.retries}")
    if self.request.retries == 0:
        raise ValueError

@app.task
def spawn(event):
    track(event)
    note.delay(event + " child")

@app.task
def fail(event):
    track(event)
    raise ValueError

@app.task(time_limit=1)
def sleep():
    time.sleep(60)

@app.task
def die():
    os._exit(1)

def in_request(call, cookie):
    def view(environ, start_response):
        call()
        start_response("200 OK", [])
        return []

    environ = {} if cookie is None else {"HTTP_COOKIE": f"ko_id={cookie}"}
    KoalaMiddleware(view)(environ, lambda status, headers: None)
"""

WORKER = """
analytics.track("parent", "before the fork")
options = "--loglevel CRITICAL --without-gossip --without-mingle --without-heartbeat"
app.worker_main(["worker", "--pool", pool, *options.split(), *sys.argv[5:]])
"""

# Sends one task, or a few that belong together, in each request, and prints the events to expect.
WEB = """
expected = []

def visit(number):
    a, b, c = (f"{number}{letter}" for letter in "abc")
    send, events = [
        (lambda: note.delay(a), [a]),
        (lambda: retry.delay(a), [f"{a} try 0", f"{a} try 1"]),
        (lambda: autoretry.delay(a), [f"{a} try 0", f"{a} try 1"]),
        (chain(note.si(a), note.si(b)).delay, [a, b]),
        (group(note.si(a), note.si(b)).delay, [a, b]),
        (chord([note.si(a), note.si(b)], note.si(c)).delay, [a, b, c]),
        (lambda: spawn.delay(a), [a, f"{a} child"]),
        (lambda: fail.apply_async((a,), link_error=note.si(b)), [a, b]),
        (lambda: note.apply_async((a,), link=note.si(b)), [a, b]),
    ][number % 9]
    cookie = [str(uuid4()), None, str(uuid4()), "invalid"][number // 9 % 4]
    expected.extend((event, None if cookie == "invalid" else cookie) for event in events)
    in_request(send, cookie)

visit(0)
with ThreadPoolExecutor(4) as threads:
    list(threads.map(visit, range(1, int(sys.argv[5]))))
last = [f"last {number}" for number in range(20)]
print(json.dumps(expected + [(event, None) for event in last]), flush=True)
sys.stdin.read()
group(map(note_with_result.si, last)).delay().get(timeout=20)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Redis server."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


class Site:
    """A site that has a web process and a worker."""

    def __init__(self, pool: str, redis_url: str, collector: Collector, folder: Path) -> None:
        self.pool = pool
        self.arguments = [redis_url, f"queue-{uuid4()}", collector.url]
        self.folder = folder

    @contextmanager
    def web(self, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the web process; it ends at the end of its input."""
        with self.run("web", "none", script, *arguments) as process:
            yield process
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0

    @contextmanager
    def worker(self, *arguments: str) -> Iterator[None]:
        """Run the worker, and let it shut down in the end."""
        with self.run("worker", self.pool, WORKER, *arguments) as process:
            yield
            process.terminate()
            assert process.wait(30) == 0

    @contextmanager
    def run(
        self, name: str, pool: str, script: str, *arguments: str
    ) -> Iterator[subprocess.Popen[str]]:
        # Not "-c", which would put the checkout before the wheel on sys.path.
        path = self.folder / f"{name}.py"
        path.write_text(SITE + script)
        command = [sys.executable, "-W", "ignore", str(path), pool, *self.arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, *arguments], stdin=pipe, stdout=pipe, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.mark.parametrize(
    ("pool", "concurrency", "requests", "tasks"),
    [
        pytest.param("prefork", 4, 1305, 2630, id="prefork"),
        pytest.param("threads", 16, 675, 1370, id="threads"),
        pytest.param("gevent", 20, 504, 1028, id="gevent"),
    ],
)
def test_no_task_is_mixed_up_and_no_event_is_lost(
    pool: str, concurrency: int, requests: int, tasks: int, redis_url: str, tmp_path: Path
) -> None:
    """https://github.com/getsentry/sentry-python/issues/216

    Each event arrives once: those of the last tasks before the worker shuts down, which the SDK
    still has in its queue, and the one from before the fork, which every child has a copy of.
    """
    with collecting() as collector:
        site = Site(pool, redis_url, collector, tmp_path)
        with (
            site.web(WEB, str(requests)) as web,
            site.worker("--concurrency", str(concurrency)),
        ):
            assert web.stdin is not None
            assert web.stdout is not None
            expected = json.loads(web.stdout.readline())
            # All but the last 20, which the web process sends at the end of its input.
            collector.wait_for(len(expected) - 20 + 1, 60)
            web.stdin.close()
            assert web.stdout.readline() == "done\n"
        assert len(expected) == tasks
        sent = [[e["event"], e["properties"].get("profile_id")] for e in collector.events]
        assert Counter(map(tuple, sent)) == Counter(
            map(tuple, [*expected, ["before the fork", None]])
        )


def test_errback_of_a_task_that_was_killed_has_its_visitor(redis_url: str, tmp_path: Path) -> None:
    """The worker's parent process sends it."""
    web = """
cookie = sys.argv[5]
for task in sleep, die:
    in_request(lambda: task.apply_async(link_error=note.si(f"errback of {task.__name__}")), cookie)
"""
    with collecting() as collector:
        site = Site("prefork", redis_url, collector, tmp_path)
        with site.worker("--concurrency", "2"):
            with site.web(web, ALICE):
                pass
            collector.wait_for(3)
        expected = {"before the fork": None, "errback of sleep": ALICE, "errback of die": ALICE}
        assert profile_ids(collector.events) == expected
