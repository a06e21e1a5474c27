"""capture_events()"""

from __future__ import annotations

import importlib
import inspect
import sys
from datetime import date
from types import ModuleType
from typing import Any

import pytest
import segment.analytics as analytics
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.testing import capture_events
from tests.clients import SDKS, Queueing, Tracking
from tests.processes import output_of
from tests.visitors import ALICE


@pytest.mark.parametrize("name", SDKS)
def test_messages_are_in_segments_wire_form(name: str) -> None:
    module = importlib.import_module(name)
    with capture_events() as events:
        module.track("u1", "E", {"day": date(2026, 1, 1)}, message_id="m1")
        module.identify("u1", {"email": "a@example.com"})
    track, identify = events
    assert track.pop("timestamp").startswith("20")
    assert track.pop("context")["library"]["name"] == "analytics-python"
    assert track == {
        "type": "track",
        "userId": "u1",
        "anonymousId": None,
        "event": "E",
        "properties": {"day": "2026-01-01"},
        "integrations": {},
        "messageId": "m1",
    }
    assert (identify["type"], identify["traits"]) == ("identify", {"email": "a@example.com"})


def test_messages_are_as_injected() -> None:
    koala.instrument()
    with capture_events() as events, koala.profile(ALICE):
        analytics.track("u1", "E")
    (event,) = events
    assert event["properties"] == {"profile_id": ALICE}


def test_nothing_is_sent_or_queued() -> None:
    client = Client("key", host="http://127.0.0.1:1", sync_mode=True)
    with capture_events() as events:
        assert client.track("u1", "E") == (True, events[0])
    assert client.queue.empty()


def test_captures_nest() -> None:
    with capture_events() as outer:
        analytics.track("u1", "A")
        with capture_events() as inner:
            analytics.track("u1", "B")
        analytics.track("u1", "C")
    assert [event["event"] for event in outer] == ["A", "B", "C"]
    assert [event["event"] for event in inner] == ["B"]
    assert outer[1] is not inner[0]


def test_captures_from_any_thread() -> None:
    from threading import Thread

    with capture_events() as events:
        threads = [Thread(target=analytics.track, args=("u1", str(n))) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(int(event["event"]) for event in events) == list(range(20))


def test_clients_need_no_write_key() -> None:
    with capture_events() as events:
        Client(None).track("u1", "A")
        Client().track("u1", "B")
    assert len(events) == 2
    with pytest.raises(AssertionError, match="write_key"):
        Client()


def test_clients_made_with_a_write_key_keep_it() -> None:
    with capture_events() as events:
        client = Client("key", send=False)
        client.track("u1", "A")
    assert (client.write_key, len(events)) == ("key", 1)


def test_default_client_without_a_key_is_forgotten() -> None:
    with capture_events():
        analytics.track("u1", "E")
    assert analytics.default_client is None


def test_default_client_with_a_key_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytics, "default_client", client := Client("key", send=False))
    with capture_events() as events:
        analytics.track("u1", "E")
    assert analytics.default_client is client
    assert len(events) == 1


def test_everything_is_put_back() -> None:
    before = Client.__init__, Client._enqueue
    with pytest.raises(KeyError), capture_events():
        raise KeyError
    assert (Client.__init__, Client._enqueue) == before


def test_errors_of_the_sdk_are_unchanged() -> None:
    with capture_events() as events, pytest.raises(AssertionError):
        analytics.track("u1", 5)
    assert events == []


def test_sdk_imported_inside_is_captured() -> None:
    script = """
from koala_middleware.testing import capture_events
with capture_events() as events:
    import segment.analytics as analytics
    analytics.track("u1", "E")
print(len(events), analytics.default_client)
"""
    assert output_of(script) == "1 None\n"


def test_package_of_the_users_called_analytics_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "analytics.client", ModuleType("analytics.client"))
    with capture_events() as events:
        analytics.track("u1", "E")
    assert len(events) == 1


def test_other_class_that_queues_is_captured() -> None:
    koala.instrument(Queueing)
    with capture_events() as events:
        Queueing().track("u1", "E")
    assert events == [{"event": "E"}]


def test_other_class_that_does_not_queue_is_left_alone() -> None:
    koala.instrument(Tracking)
    with capture_events() as events:
        assert Tracking().track("u1", "E") == "E"
    assert events == []


def test_class_instrumented_inside_is_captured() -> None:
    with capture_events() as events:
        koala.instrument(Queueing)
        Queueing().track("u1", "E")
        koala.uninstrument()
        Queueing().track("u1", "F")
    assert events == [{"event": "E"}, {"event": "F"}]


def test_subclass_that_calls_its_base_is_captured_once() -> None:
    class Ours(Client):  # type: ignore[misc]  # the SDK has no types
        def _enqueue(self, message: Any) -> Any:
            return super()._enqueue({**message, "event": "F"})

    koala.instrument(Ours)
    with capture_events() as events:
        Ours("key").track("u1", "E")
    assert [event["event"] for event in events] == ["F"]


def test_class_whose_queue_returns_nothing_is_captured() -> None:
    class Silent(Queueing):
        def _enqueue(self, message: Any) -> Any:
            return None

    koala.instrument(Silent)
    with capture_events() as events:
        assert Silent().track("u1", "E") is None
    assert events == [{"event": "E"}]


def test_wrapper_of_somebody_elses_stays_and_sends() -> None:
    class Ours(Tracking):
        send = True

        def sent(self, event: Any) -> Any:
            return self._enqueue(event)

        def _enqueue(self, message: Any) -> Any:
            return self.send, message

    koala.instrument(Ours)
    with capture_events() as events:
        captured = Ours._enqueue

        def theirs(self: Any, message: Any) -> Any:
            return captured(self, message)

        Ours._enqueue = theirs  # type: ignore[method-assign]
        assert Ours().track("u1", "E") == (False, "E")
    assert Ours._enqueue is theirs
    assert Ours().track("u1", "F") == (True, "F")
    assert [*map(str, events)] == ["E"]


def test_init_that_stays_needs_a_key_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_events():
        init = Client.__init__
        monkeypatch.setattr(Client, "__init__", lambda self, *args: init(self, *args))
    with pytest.raises(AssertionError, match="write_key"):
        Client()
    monkeypatch.undo()
    Client.__init__ = inspect.unwrap(Client.__init__)
