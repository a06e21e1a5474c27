"""The same site with each task queue: what sends jobs, and the command of its worker."""

from __future__ import annotations

import sys
from dataclasses import dataclass

# Seconds after which what a killed worker has taken is somebody else's, where a queue lets us say.
UNANSWERED = 3

PYTHON = [sys.executable, "-W", "ignore"]

SHOP = """
import asyncio, contextlib, json, os, sys, time
import segment.analytics as analytics
import koala_middleware as koala

REDIS_URL = os.environ["SHOP_REDIS"]
# Seldom, so that the last events are still queued when a worker stops.
analytics.default_client = analytics.Client(
    "key", host=os.environ["SHOP_SEGMENT"], upload_interval=2
)

async def start():
    pass

def work(event):
    time.sleep(0.001)
    # What is killed can upload nothing later.
    with koala.delivering() if "SHOP_DELIVERS" in os.environ else contextlib.nullcontext():
        analytics.track("u1", event)

def is_parent(event):
    return event.endswith("0")
"""

# Sends a job in each request, and prints which visitor's each event is.
WEB = """
import asyncio, inspect, json, sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4
import shop
from koala_middleware import asgi, wsgi

expected = []

def expect(number):
    event, visitor = f"job {number}", [str(uuid4()), None, str(uuid4()), "invalid"][number % 4]
    of = None if visitor == "invalid" else visitor
    expected.append((event, of))
    if shop.is_parent(event):
        expected.append((f"{event} child", of))
    return event, visitor

def visit(number):
    event, visitor = expect(number)

    def site(environ, start_response):
        shop.send(event)
        start_response("200 OK", [])
        return []

    environ = {} if visitor is None else {"HTTP_COOKIE": f"ko_id={visitor}"}
    wsgi.KoalaMiddleware(site)(environ, lambda status, headers: None)

async def visit_asynchronously(number):
    event, visitor = expect(number)

    async def site(scope, receive, send):
        await shop.send(event)

    cookies = [] if visitor is None else [(b"cookie", f"ko_id={visitor}".encode())]
    await asgi.KoalaMiddleware(site)({"type": "http", "headers": cookies}, None, None)

async def visit_all(numbers):
    await shop.start()
    for start in range(0, len(numbers), 20):
        await asyncio.gather(*map(visit_asynchronously, numbers[start : start + 20]))

numbers = range(*map(int, sys.argv[1:]))
if inspect.iscoroutinefunction(shop.send):
    asyncio.run(visit_all(numbers))
else:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(visit, numbers))
print(json.dumps(expected))
"""


@dataclass(frozen=True)
class Site:
    """A site with one task queue.

    :param code: what its module ``shop`` does besides.
    :param worker: the arguments of Python for its worker.
    :param workers: how many of these run.
    """

    code: str
    worker: list[str]
    workers: int = 1


SITES = {
    "rq": Site(
        """
from redis import Redis
from rq import Queue, Retry
from koala_middleware.contrib.rq import instrument

instrument()
queue = Queue("shop", connection=Redis.from_url(REDIS_URL))

def job(event):
    work(event)
    if is_parent(event):
        send(f"{event} child")

def send(event):
    queue.enqueue(job, event, retry=Retry(max=3))
""",
        ["-c", "from rq.cli import main; main()", "worker", "-q", "-c", "shop", "shop"],
        workers=2,
    ),
    "dramatiq": Site(
        """
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from koala_middleware.contrib.dramatiq import KoalaMiddleware

# What a killed worker has taken is soon somebody else's.
broker = RedisBroker(url=REDIS_URL, heartbeat_timeout=3000, maintenance_chance=1_000_000)
broker.add_middleware(KoalaMiddleware())
dramatiq.set_broker(broker)

@dramatiq.actor(min_backoff=10)
def job(event):
    work(event)
    if is_parent(event):
        send(f"{event} child")

def send(event):
    job.send(event)
""",
        ["-m", "dramatiq", "shop", "--processes", "2", "--threads", "4"],
    ),
    "huey": Site(
        """
from huey import RedisHuey
from koala_middleware.contrib.huey import instrument

instrument()
huey = RedisHuey("shop", url=REDIS_URL, results=False)

@huey.task()
def job(event):
    work(event)
    if is_parent(event):
        send(f"{event} child")

def send(event):
    job(event)
""",
        ["-m", "huey.bin.huey_consumer", "shop.huey", "-k", "process", "-w", "4", "-q"],
    ),
    "taskiq": Site(
        """
from taskiq_redis import RedisStreamBroker
from koala_middleware.contrib.taskiq import KoalaMiddleware

# What a killed worker has taken is soon somebody else's.
broker = RedisStreamBroker(
    REDIS_URL, idle_timeout=3000, unacknowledged_lock_timeout=2, xread_count=5
)
broker.add_middlewares(KoalaMiddleware())

async def start():
    await broker.startup()

@broker.task
async def job(event):
    await asyncio.to_thread(work, event)
    if is_parent(event):
        await send(f"{event} child")

@broker.task
def in_thread(event):
    work(event)

async def send(event):
    await (in_thread if event.endswith("1") else job).kiq(event)
""",
        [
            *("-m", "taskiq", "worker", "shop:broker", "--workers", "2"),
            *("--max-async-tasks", "5", "--log-level", "CRITICAL"),
        ],
    ),
    "arq": Site(
        """
from arq import create_pool
from arq.connections import RedisSettings
from koala_middleware.contrib.arq import instrument

instrument()
pool = None

async def start():
    global pool
    pool = await create_pool(WorkerSettings.redis_settings)

async def job(ctx, event):
    await asyncio.to_thread(work, event)
    if is_parent(event):
        await ctx["redis"].enqueue_job("job", f"{event} child")

class WorkerSettings:
    functions = [job]
    redis_settings = RedisSettings.from_dsn(REDIS_URL)
    max_jobs = 20
    poll_delay = 0.05
    job_timeout = 2
    job_completion_wait = 5

async def send(event):
    await pool.enqueue_job("job", event)
""",
        ["-m", "arq", "shop.WorkerSettings"],
        workers=2,
    ),
    "django_tasks": Site(
        """
import django
from django.conf import settings
from koala_middleware.contrib.django_tasks import instrument

instrument()
if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_tasks_db"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.environ["SHOP_DATABASE"],
                "OPTIONS": {
                    "timeout": 30,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL;",
                },
            }
        },
        TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
        USE_TZ=True,
    )
    django.setup()
from django.core.management import call_command
try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

@task
def job(event):
    work(event)
    if is_parent(event):
        send(f"{event} child")

def send(event):
    job.enqueue(event)
""",
        [
            "-c",
            "import shop; shop.call_command('db_worker', interval=0.05, startup_delay=False)",
        ],
        workers=2,
    ),
}
