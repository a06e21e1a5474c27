"""Events that are too large, or that this package fails to fill, are sent without its additions."""

from __future__ import annotations

import functools
import inspect
import json
import logging
from typing import Any

import pytest
import segment.analytics as analytics
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.current import call_as
from koala_middleware.factory import VisitorFactory
from koala_middleware.request import RequestDetails
from koala_middleware.visitor import Visitor
from tests.clients import Tracking, sent
from tests.visitors import ALICE

Events = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def instrumented() -> None:
    koala.instrument()


def of_size(client: Any, size: int) -> dict[str, Any]:
    """Return properties with which an event has ``size`` bytes."""
    _, message = client.track("u1", "E", {"text": ""}, message_id="m1")
    return {"text": "x" * (size - len(json.dumps(message)))}


def test_event_that_only_ours_makes_too_large_goes_without(client: Any, alice: None) -> None:
    with koala.profile(None):
        properties = of_size(client, (32 << 10) - 10)
    assert sent(client, "u1", "E", properties, message_id="m1")["properties"] == properties


def test_event_just_small_enough_goes_with_ours(client: Any, alice: None) -> None:
    size = 32 << 10
    if not client.__module__.startswith("segment."):
        size -= 512  # the old one is measured by us, who do not know what it adds
    with koala.profile(ALICE):
        properties = of_size(client, size)
        message = sent(client, "u1", "E", properties, message_id="m1")
    assert message["properties"]["profile_id"] == ALICE


def test_event_too_large_goes_without_ours_but_with_an_id(client: Any, alice: None) -> None:
    with koala.profile(None):
        properties = of_size(client, (32 << 10) - 50)
    message = sent(client, None, "E", properties, message_id="m1")
    assert (message["anonymousId"], message["properties"]) == (ALICE, properties)


def test_event_that_only_the_context_makes_too_large_goes_without(client: Any) -> None:
    factory = VisitorFactory(koala.Options(context=True), lambda environ: environ)
    visitor = factory.make_visitor(None, {"REMOTE_ADDR": "192.0.2.7"})
    properties = of_size(client, (32 << 10) - 10)
    message = call_as(visitor, sent, client, "u1", "E", properties, message_id="m1")
    assert "ip" not in message["context"]
    assert message["properties"] == properties


class Unchecking:
    """A client as old SDKs have it: an event over 32 KB is lost later, without a word."""

    def __init__(self) -> None:
        self.send = True
        self.queued: Events = []

    def track(
        self,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        message_id: Any = None,
    ) -> Any:
        return self._enqueue({"properties": properties, "messageId": message_id})

    def identify(
        self,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        message_id: Any = None,
    ) -> Any:
        return self._enqueue({"properties": traits, "messageId": message_id})

    def _enqueue(self, message: dict[str, Any]) -> Any:
        if self.send:
            self.queued.append(message)
        return True, message


@pytest.mark.parametrize("method", ["track", "identify"])
@pytest.mark.parametrize(("spare", "ours"), [(1024, {"profile_id": ALICE}), (0, {})])
def test_size_is_checked_for_a_client_that_does_not(
    method: str, spare: int, ours: dict[str, str]
) -> None:
    koala.instrument(Unchecking)
    client = Unchecking()
    empty = {"properties": {"text": "", "profile_id": ALICE}, "messageId": "é"}
    values = {"text": "x" * ((32 << 10) - len(json.dumps(empty)) - spare)}
    name = {"track": "properties", "identify": "traits"}[method]
    visitor = Visitor(ALICE, options=koala.Options(identify=True))
    call_as(visitor, getattr(client, method), "u1", message_id="é", **{name: values})
    assert client.queued == [{"properties": {**values, **ours}, "messageId": "é"}]


def test_size_that_cannot_be_known_is_the_clients_affair() -> None:
    koala.instrument(Unchecking)
    client = Unchecking()
    with koala.profile(ALICE):
        client.track("u1", "E", {("a", "b"): 1})
    assert client.queued[0]["properties"] == {("a", "b"): 1, "profile_id": ALICE}


class Sending(Unchecking):
    """A client of somebody's own, which has no switch for its sending."""

    send = property(lambda self: True, lambda self, value: None)

    def __copy__(self) -> Any:
        raise AssertionError

    def track(self, *args: Any, **kwargs: Any) -> Any:
        return super().track(*args, **kwargs)


Sending.track.__signature__ = inspect.signature(Unchecking.track)  # type: ignore[attr-defined]


def test_client_of_ones_own_sends_each_event_once() -> None:
    koala.instrument(Sending)
    client = Sending()
    with koala.profile(ALICE):
        client.track("u1", "E")
    assert client.queued == [{"properties": {"profile_id": ALICE}, "messageId": None}]


@pytest.mark.parametrize("enqueue", [functools.partial(print), None, property(print)])
def test_client_may_queue_in_any_way(enqueue: Any) -> None:
    odd = type("Odd", (Tracking,), {"_enqueue": enqueue})
    koala.instrument(odd)
    with koala.profile(ALICE):
        assert odd().track("u1", "E") == "E"


def test_identify_that_only_ours_makes_too_large_goes_without(client: Any) -> None:
    import json

    def identified(text: str) -> dict[str, Any]:
        _, message = client.identify("u1", {"text": text}, message_id="m1")
        return message  # type: ignore[no-any-return]

    text = "x" * ((32 << 10) - 10 - len(json.dumps(identified(""))))
    with koala.profile(ALICE, options=koala.Options(identify=True)):
        assert identified("")["traits"] == {"profile_id": ALICE, "text": ""}
        assert identified(text)["traits"] == {"text": text}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.track("u1", "E"), id="track"),
        pytest.param(lambda client: client.identify("u1"), id="identify"),
    ],
)
@pytest.mark.parametrize("error", [RuntimeError(), RuntimeError(5), RuntimeError("queue closed")])
def test_other_runtime_errors_pass(
    error: RuntimeError, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is not sent again: it may have been sent."""

    def fail(self: Client, message: object) -> None:
        tried.append(message)
        raise error

    tried: list[object] = []
    monkeypatch.setattr(Client, "_enqueue", fail)
    with (
        koala.profile(ALICE, options=koala.Options(identify=True)),
        pytest.raises(RuntimeError) as raised,
    ):
        call(Client("key", send=False))
    assert raised.value is error
    assert len(tried) == 1


def test_event_too_large_by_itself_is_the_callers(alice: None) -> None:
    with pytest.raises(RuntimeError, match="Message exceeds"):
        Client("key", send=False).track("u1", "E", {"text": "x" * (40 << 10)})


def test_event_too_large_without_ours_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Client, message: object) -> None:
        tried.append(message)
        raise RuntimeError("Message exceeds the limit")

    tried: list[object] = []
    monkeypatch.setattr(Client, "_enqueue", refuse)
    with koala.profile(None), pytest.raises(RuntimeError):
        Client("key", send=False).track("u1", "E")
    assert len(tried) == 1


class HostileDict(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        raise LookupError(f"no {ALICE} here")


def test_fault_of_ours_is_logged_once_and_the_event_sent(
    client: Any, alice: None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        message = sent(client, "u1", "E", HostileDict(a=1), message_id="m1")
        assert (message["properties"], message["messageId"]) == ({"a": 1}, "m1")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    first_line = "an event goes out without its visitor: LookupError"
    assert record.getMessage().split("\n")[0] == first_line
    assert ALICE not in caplog.text


def test_each_addition_fails_by_itself(
    events: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenDetails(RequestDetails):
        def context(self) -> dict[str, Any]:
            raise LookupError

    class Broken(Visitor):
        @property
        def anonymous_id(self) -> str:
            raise LookupError

    koala.instrument()
    options = koala.Options(context=True)
    details = BrokenDetails(options, lambda environ: environ, {})
    visitor = Broken(ALICE, options=options, details=details)
    with pytest.raises(AssertionError):
        call_as(visitor, analytics.track, None, "E")
    call_as(visitor, analytics.track, "u1", "E")
    assert events[0]["properties"] == {"profile_id": ALICE}
    assert len(caplog.messages) == 2
