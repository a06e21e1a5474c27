"""How the SDK's classes are found, now and when they are imported later."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
from koala_middleware.segment import sdk
from tests.clients import SDKS
from tests.processes import output_of
from tests.visitors import ALICE

Events = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def instrumented() -> None:
    koala.instrument()


def test_sdk_is_not_imported_for_our_sake() -> None:
    script = """
import sys, koala_middleware, koala_middleware.wsgi, koala_middleware.asgi
koala_middleware.wsgi.KoalaMiddleware(print)
koala_middleware.asgi.KoalaMiddleware(print)
print([m for m in ("segment.analytics", "analytics", "requests", "flask") if m in sys.modules])
"""
    assert output_of(script) == "[]\n"


@pytest.mark.parametrize("name", SDKS)
def test_sdk_imported_later_is_instrumented(name: str) -> None:
    script = f"""
import koala_middleware as koala
koala.instrument()
import {name} as analytics
with koala.profile("{ALICE}"):
    print(analytics.Client("key", send=False).track("u1", "E")[1]["properties"])
"""
    assert output_of(script) == f"{{'profile_id': '{ALICE}'}}\n"


def test_sdk_imported_after_uninstrument_is_left_alone() -> None:
    script = """
import koala_middleware as koala
koala.instrument(), koala.uninstrument()
import segment.analytics as analytics
print(hasattr(analytics.Client.track, "__wrapped__"))
"""
    assert output_of(script) == "False\n"


def test_absent_sdk_is_logged_once_and_requests_go_on() -> None:
    script = """
import importlib.util, sys
sys.modules["segment"] = sys.modules["analytics"] = None
from koala_middleware.wsgi import KoalaMiddleware
for _ in range(2):
    app = KoalaMiddleware(lambda environ, start_response: [b"fine"])
print(app({"HTTP_COOKIE": "ko_id=x"}, None))
"""
    expected = "Segment's SDK is not installed"
    output = output_of(script)
    assert output.count(expected) == 1
    assert "[b'fine']" in output


@pytest.mark.parametrize("content", ["", "class Client: pass", "class Client: track = None"])
def test_sdk_without_track_is_logged_once(
    content: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("segment.analytics.client")
    exec(content, vars(module))
    koala.uninstrument()
    monkeypatch.setitem(sys.modules, "segment.analytics.client", module)
    koala.instrument()
    koala.uninstrument()
    koala.instrument()
    assert caplog.messages == [
        "Segment's SDK has no Client.track that we know, so no event gets a profile id: "
        "pip install --upgrade segment-analytics-python"
    ]


def test_users_own_package_called_analytics_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("analytics.client")
    exec("class Client:\n def track(self, what): pass", vars(module))
    track = module.Client.track
    koala.uninstrument()
    monkeypatch.setitem(sys.modules, "analytics.client", module)
    koala.instrument()
    assert module.Client.track is track
    assert not caplog.records


def test_watching_twice_calls_once() -> None:
    seen: list[types.ModuleType] = []
    call = seen.append
    sdk.watch_sdk(call)
    sdk.watch_sdk(call)
    assert seen == [sys.modules[f"{name}.client"] for name in SDKS]
    sdk.unwatch_sdk(call)
    sdk.unwatch_sdk(print)


@pytest.mark.parametrize(
    "again",
    [
        "importlib.reload(client)",
        "del sys.modules[client.__name__]; client = importlib.import_module(client.__name__)",
    ],
)
def test_sdk_that_is_loaded_again_is_instrumented_again(again: str) -> None:
    script = f"""
import importlib, inspect, sys
import segment.analytics.client as client
import koala_middleware as koala
koala.instrument()
before = client.Client
for _ in range(2):
    {again}
    assert client.Client is not before
    with koala.profile("{ALICE}"):
        for each in (before, client.Client):
            print(each("key", send=False).track("u1", "E")[1]["properties"])
print("class Client" in inspect.getsource(client))
koala.uninstrument()
print([hasattr(each.track, "__wrapped__") for each in (before, client.Client)])
{again}
print(hasattr(client.Client.track, "__wrapped__"))
"""
    expected = [f"{{'profile_id': '{ALICE}'}}"] * 4 + ["True", "[False, False]", "False"]
    assert output_of(script).splitlines() == expected


def test_sdk_that_another_thread_is_importing_is_waited_for(tmp_path: Path) -> None:
    """Half of a module has no Client, and would be taken for an SDK we do not know."""
    package = tmp_path / "analytics"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "client.py").write_text("""
import __main__, time
__main__.importing.set()
time.sleep(0.2)
from segment.analytics.client import Client as Base
class Client(Base):
    def track(self, user_id=None, event=None, properties=None, context=None, timestamp=None,
              anonymous_id=None):
        return properties
""")
    script = f"""
import importlib, sys, threading
sys.path.insert(0, {str(tmp_path)!r})
import koala_middleware as koala
importing = threading.Event()
thread = threading.Thread(target=importlib.import_module, args=("analytics.client",))
thread.start()
importing.wait()
koala.instrument()
thread.join()
with koala.profile("{ALICE}"):
    print(sys.modules["analytics.client"].Client("key", send=False).track("u1", "E"))
"""
    assert output_of(script) == f"{{'profile_id': '{ALICE}'}}\n"


def test_sdk_is_imported_though_it_cannot_be_instrumented() -> None:
    script = """
from koala_middleware.segment import sdk
sdk.watch_sdk(lambda module: 1 / 0)
import segment.analytics as analytics
print(analytics.Client("key", send=False).track("u1", "E")[0])
"""
    output = output_of(script)
    assert "what follows the import of segment.analytics.client failed" in output
    assert output.startswith("True\n")


@pytest.mark.parametrize("module", [None, types.ModuleType("without a spec")])
def test_sdk_that_is_not_installed_is_said_so(
    module: types.ModuleType | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package of the user's own called segment is not the SDK."""
    koala.instrument()
    assert not caplog.messages
    monkeypatch.setitem(sys.modules, "segment.analytics", module)
    monkeypatch.setitem(sys.modules, "analytics", module)
    koala.instrument()
    assert caplog.messages == [
        "Segment's SDK is not installed, so no event gets a profile id: "
        "pip install segment-analytics-python"
    ]


def test_default_client_of_the_module_is_not_made_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytics, "default_client", None)
    koala.instrument()
    assert analytics.default_client is None
