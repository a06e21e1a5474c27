"""What a fork leaves behind, and how it is fixed. In processes of their own, so that a fork of
the test runner cannot confuse it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from segment.analytics.version import VERSION

from tests.clients import SDKS
from tests.collector import Collector, collecting
from tests.processes import run_script
from tests.visitors import ALICE

SDK = tuple(map(int, VERSION.split(".")[:2]))

PARENT = """
import multiprocessing, os, sys, threading, time
import koala_middleware as koala
koala.instrument({options})
import {sdk} as analytics

analytics.write_key = "key"
analytics.host = "{host}"
client = analytics.Client("key", host="{host}"{client_options})

def in_child(*events):
    for event in events:
        print(client.track("child", event)[0], flush=True)
    client.flush()

def fork(call, *args):
    child = os.fork()
    if child == 0:
        call(*args)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

client.track("parent", "before")
"""


def run(
    collector: Collector,
    script: str,
    sdk: str = "segment.analytics",
    options: str = "",
    client_options: str = "",
) -> str:
    parent = PARENT.format(
        sdk=sdk, host=collector.url, options=options, client_options=client_options
    )
    return run_script(parent + script, "-W", "ignore::DeprecationWarning")


def names(collector: Collector, count: int) -> Counter[str]:
    return Counter(event["event"] for event in collector.wait_for(count))


@pytest.mark.parametrize("sdk", SDKS)
def test_child_sends_its_events_once(sdk: str) -> None:
    with collecting() as collector:
        run(collector, "fork(in_child, 'a', 'b')\nclient.flush()", sdk)
        assert names(collector, 3) == {"before": 1, "a": 1, "b": 1}


def test_child_does_not_send_what_the_parent_queued() -> None:
    """The queue was copied with the process; its events are the parent's to send."""
    script = """
for number in range(50):
    client.track("parent", "queued")
fork(in_child, "a")
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 52) == {"before": 1, "queued": 50, "a": 1}


def test_child_does_not_use_the_parents_connection() -> None:
    """Two processes that read answers from one socket would take each other's."""
    script = """
client.flush()
def many():
    for number in range(20):
        client.track("child", "a"); client.flush()
child = os.fork()
if child == 0:
    many()
    os._exit(0)
for number in range(20):
    client.track("parent", "b"); client.flush()
assert os.waitpid(child, 0)[1] == 0
"""
    with collecting() as collector:
        run(collector, script, client_options=", max_retries=0, upload_interval=0.01")
        assert names(collector, 41) == {"before": 1, "a": 20, "b": 20}


def test_child_of_a_child() -> None:
    script = """
def middle():
    in_child("a")
    fork(in_child, "b")
    in_child("c")
fork(middle)
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 4) == {"before": 1, "a": 1, "b": 1, "c": 1}


def test_child_of_multiprocessing() -> None:
    script = """
child = multiprocessing.get_context("fork").Process(target=in_child, args=("a",))
child.start(); child.join()
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 2) == {"before": 1, "a": 1}


def test_child_that_only_flushes_does_not_hang() -> None:
    """The copied queue has unfinished events that nobody will ever finish."""
    with collecting() as collector:
        run(collector, "fork(lambda: client.flush())\nclient.flush()")
        assert names(collector, 1) == {"before": 1}


def test_child_with_many_threads_starts_its_uploads_once() -> None:
    script = """
def many():
    threads = [threading.Thread(target=in_child, args=("a",)) for _ in range(20)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(client.consumers) == 1 and threading.active_count() == 2
fork(many)
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 21) == {"before": 1, "a": 20}


def test_child_keeps_the_settings_of_the_uploads() -> None:
    script = """
def compare(before):
    in_child("a")
    after = vars(client.consumers[0])
    assert after["gzip"] and after["upload_size"] == 7 and after["upload_interval"] == 0.2
    assert client.queue.maxsize == 33
fork(compare, vars(client.consumers[0]))
client.flush()
"""
    options = ", gzip=True, upload_size=7, upload_interval=0.2, max_queue_size=33"
    with collecting() as collector:
        run(collector, script, client_options=options)
        assert names(collector, 2) == {"before": 1, "a": 1}


def test_child_in_sync_mode() -> None:
    with collecting() as collector:
        run(
            collector,
            "fork(lambda: client.track('child', 'a'))",
            client_options=", sync_mode=True",
        )
        assert names(collector, 2) == {"before": 1, "a": 1}


def test_client_of_another_make_in_a_child() -> None:
    """One that has nothing of the SDK's but its methods."""
    script = """
class Other:
    send, consumers = True, None
    def track(self, user_id=None, event=None, properties=None, context=None, timestamp=None,
              anonymous_id=None):
        return self._enqueue(event)
    def _enqueue(self, event):
        return event
koala.instrument(Other)
fork(lambda: print(Other().track("u1", "a"), flush=True))
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script) == "a\n"


def test_sdk_without_a_session_in_a_child() -> None:
    script = """
import segment.analytics.request as request
def child():
    del request._session
    print(client.track("child", "a")[0], flush=True)
client.flush()
fork(child)
"""
    with collecting() as collector:
        assert run(collector, script) == "True\n"


def test_client_that_was_joined_stays_so() -> None:
    script = """
client.flush(); client.join()
fork(lambda: print(client.track("child", "a")[0], client.consumers[0].is_alive()))
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["True", "False"]


def test_module_functions_in_a_child() -> None:
    script = """
analytics.track("parent", "too")
def child():
    with koala.profile("{ALICE}"):
        analytics.track("child", "a")
    analytics.flush()
fork(child)
client.flush(); analytics.flush()
""".replace("{ALICE}", ALICE)
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 3) == {"before": 1, "too": 1, "a": 1}
        (event,) = [event for event in collector.events if event["event"] == "a"]
        assert event["properties"] == {"profile_id": ALICE}


def test_uwsgi_s_decorators_may_come_later(tmp_path: Path) -> None:
    """They replace the hook; test_found.py has the real ones."""
    (tmp_path / "uwsgidecorators.py").write_text("""
import uwsgi
postfork_chain = []
uwsgi.post_fork_hook = lambda: [each() for each in postfork_chain]
""")
    script = f"""
import types
sys.modules["uwsgi"] = uwsgi = types.ModuleType("uwsgi")
sys.path.insert(0, {str(tmp_path)!r})
koala.instrument()
import uwsgidecorators
with koala.profile("{ALICE}"):
    uwsgi.post_fork_hook()
    print(koala.current_visitor())
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script) == "None\n"


def test_remedy_may_be_turned_off() -> None:
    """Then track returns True in the child, as ever, and nothing is sent."""
    script = """
koala.instrument()
fork(lambda: print(client.track("child", "a")[0], client.consumers[0].is_alive()))
client.flush()
"""
    with collecting() as collector:
        output = run(collector, script, options="restart_after_fork=False")
        assert output.split() == ["True", "False"]
        assert names(collector, 1) == {"before": 1}


def test_class_instrumented_after_a_fork_restarts_its_uploads() -> None:
    """Starlette builds its middleware in the worker that gunicorn --preload has forked."""
    script = """
koala.uninstrument()
def child():
    koala.instrument()
    in_child("a", "b")
fork(child)
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 3) == {"before": 1, "a": 1, "b": 1}


def test_capture_of_events_left_in_a_child_keeps_the_restart() -> None:
    script = """
from koala_middleware.testing import capture_events
capture = capture_events()
capture.__enter__()
def child():
    analytics.track("child", "captured")
    capture.__exit__(None, None, None)
    in_child("a")
    koala.uninstrument()
    print(hasattr(analytics.Client._enqueue, "__wrapped__"))
fork(child)
capture.__exit__(None, None, None)
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["True", "False"]
        assert names(collector, 2) == {"before": 1, "a": 1}


def test_subclass_is_restored_with_its_base_in_a_child() -> None:
    script = """
class Ours(analytics.Client):
    def track(self, user_id=None, event=None, properties=None, context=None, timestamp=None,
              anonymous_id=None):
        return super().track(user_id, event)
koala.uninstrument()
koala.instrument(Ours)
koala.instrument()
def child():
    koala.uninstrument()
    print("_enqueue" in vars(Ours), hasattr(analytics.Client._enqueue, "__wrapped__"))
fork(child)
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["False", "False"]


def test_somebody_elses_wrapper_in_a_child_stays() -> None:
    """And what is left below it only passes calls on."""
    script = """
def child():
    ours = analytics.Client._enqueue
    def theirs(self, message):
        return ours(self, message)
    analytics.Client._enqueue = theirs
    koala.uninstrument()
    print(analytics.Client._enqueue is theirs, client.track("child", "a")[0])
    print(client.consumers[0].is_alive())
fork(child)
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["True", "True", "False"]
        assert names(collector, 1) == {"before": 1}


def test_child_waits_for_no_lock_of_a_thread_of_its_parent() -> None:
    """A thread that holds one ends with the fork, and its lock stays taken."""
    script = """
import segment.analytics.request as request
from contextlib import ExitStack
from koala_middleware import patching, testing, visitor
client.flush()
adapter = request._session.get_adapter(client.host)
pools = adapter.poolmanager.pools
(pool,) = pools._container.values()
locks = [request._session.cookies._cookies_lock, pools.lock, pool.pool.mutex, client.queue.mutex,
         patching._lock, testing._lock, visitor._binding]
held, done = threading.Event(), threading.Event()
def hold():
    with ExitStack() as stack:
        for lock in locks:
            stack.enter_context(lock)
        held.set()
        done.wait()
threading.Thread(target=hold).start()
held.wait()
del adapter, pools, pool
def child():
    for _ in range(3):  # one of these may be taken for the thread that holds the locks
        threading.Thread(target=done.wait, daemon=True).start()
    koala.instrument()
    with koala.profile("p"):
        koala.bind(plan="team")
    with testing.capture_events():
        client.track("child", "captured")
    in_child("a")
    koala.uninstrument()
fork(child)
done.set()
client.flush()
"""
    with collecting() as collector:
        run(collector, script)
        assert names(collector, 2) == {"before": 1, "a": 1}


@pytest.mark.skipif(SDK < (2, 3), reason="the SDK knows no OAuth before 2.3")
def test_child_asks_for_its_own_oauth_token() -> None:
    """On a connection of its own, whoever held the token's lock at the fork."""
    script = """
import segment.analytics.oauth_manager as oauth
client = analytics.Client("key", host="{host}", oauth_client_id="id", oauth_client_key="key",
                          oauth_key_id="key")
manager = client.oauth_manager
manager.token, manager.thread = "token", threading.Thread()
before = dict(oauth._session.adapters), [a.poolmanager for a in oauth._session.adapters.values()]
def child():
    in_child("a")
    after = dict(oauth._session.adapters), [a.poolmanager for a in oauth._session.adapters.values()]
    print(before[0] == after[0], set(before[1]) & set(after[1]), manager.thread)
manager.token_mutex.acquire()
fork(child)
"""
    with collecting() as collector:
        output = run(collector, script.replace("{host}", collector.url))
        assert output.splitlines()[1:] == ["True set() None"]
        assert names(collector, 2)["a"] == 1


def test_session_of_the_users_own_make_in_a_child() -> None:
    """What an adapter has been given stays, and what is not an adapter of requests is left."""
    script = """
import segment.analytics.request as request
from requests.adapters import BaseAdapter, HTTPAdapter
class Limited(HTTPAdapter):
    limit = None
    def send(self, *args, **kwargs):
        assert self.limit == 5
        return super().send(*args, **kwargs)
class Other(BaseAdapter):
    pass
adapter = Limited()
adapter.limit = 5
request._session.mount("http://", adapter)
request._session.mount("other://", Other())
client.flush()
fork(in_child, "a")
"""
    with collecting() as collector:
        run(collector, script, client_options=", max_retries=0")
        assert names(collector, 2) == {"before": 1, "a": 1}


def test_session_that_cannot_be_renewed_is_logged() -> None:
    script = """
import segment.analytics.request as request
client.flush()
request._session = object()
def child():
    print(client.track("child", "a")[0], client.consumers[0].is_alive(), flush=True)
    os._exit(0)
fork(child)
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["True", "True"]


def test_uninstrument_in_a_child_undoes_the_remedy() -> None:
    script = """
def child():
    koala.uninstrument()
    print(hasattr(analytics.Client._enqueue, "__wrapped__"))
fork(child)
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script) == "False\n"


def test_fault_of_ours_lets_the_call_pass() -> None:
    script = """
def child():
    client.consumers = 5
    print(client.track("child", "a")[0], flush=True)
fork(child)
client.consumers, client.consumers
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script) == "True\n"


def test_child_finds_nobody_in_the_contexts_that_it_returns_to() -> None:
    """A fork in ``Context.run``: only the innermost context can be changed from there."""
    script = f"""
def children():
    fork(lambda: print(koala.current_visitor(), flush=True))
    return os.fork()

with koala.profile("{ALICE}"):
    carried = koala.carry(koala.get_profile_id)
    child = contextvars.copy_context().run(children)
    if child:
        os.waitpid(child, 0)  # so that the two do not write at once
    print(koala.get_profile_id(), carried(), koala.get_profile_id(), flush=True)
    if not child:
        os._exit(0)
client.flush()
"""
    with collecting() as collector:
        seen = run(collector, "import contextvars\n" + script).splitlines()
    assert seen == ["None", f"None {ALICE} None", f"{ALICE} {ALICE} {ALICE}"]


def test_child_starts_with_nobody() -> None:
    """https://github.com/PostHog/posthog-python/pull/806"""
    script = f"""
with koala.profile("{ALICE}"):
    fork(lambda: print(koala.current_visitor(), flush=True))
    print(koala.get_profile_id())
client.flush()
"""
    with collecting() as collector:
        assert run(collector, script).split() == ["None", ALICE]
