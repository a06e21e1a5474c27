"""What Celery's messages carry, and what is read from those that arrive."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.worker.request import Request

import koala_middleware as koala
from koala_middleware.carrier import read_visitor
from koala_middleware.contrib import celery as plugin
from koala_middleware.contrib.celery import instrument
from koala_middleware.current import call_as
from koala_middleware.visitor import Visitor
from tests.contrib.celery.tasks import (
    app,
    headers_of,
    in_request,
    note,
    note_anonymously,
    retry_once,
    wait_for,
)
from tests.visitors import ALICE, BOB, carrier

Events = list[dict[str, Any]]


def test_message_carries_one_string_and_nothing_else(sender: Celery) -> None:
    visitor = Visitor(None, None, f"ko_id={ALICE}; ajs_anonymous_id=%22b%22; session=secret")
    headers = headers_of(lambda: call_as(visitor, sender.send_task, "task"))
    assert headers == carrier(ALICE, "b")
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"))) == carrier(ALICE)


def test_message_of_nobody_is_as_without_us(sender: Celery) -> None:
    assert headers_of(lambda: sender.send_task("task")) == {}
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"), None)) == {}


def test_signature_that_is_kept_keeps_no_visitor(sender: Celery) -> None:
    """The headers a caller gives are copied, not added to: the next request must not send them."""
    signature = sender.signature("task", headers={"tenant": "t", "headers": {"tenant": "t"}})
    in_request(signature.delay)
    assert headers_of(signature.delay) == {"tenant": "t", "headers": {"tenant": "t"}}
    assert signature.options["headers"] == {"tenant": "t", "headers": {"tenant": "t"}}


def test_headers_may_be_pairs(sender: Celery) -> None:
    headers = headers_of(
        lambda: in_request(lambda: sender.send_task("task", headers=[("tenant", "t")]))
    )
    assert headers == {"tenant": "t", **carrier(ALICE)}


def test_headers_of_a_route_are_kept(sender: Celery) -> None:
    sender.conf.task_routes = {"task": {"headers": {"format": "pdf"}}}
    assert headers_of(lambda: in_request(lambda: sender.send_task("task"))) == {
        "format": "pdf",
        **carrier(ALICE),
    }


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"tenant": "t"}, id="in the message"),
        pytest.param({"headers": {"tenant": "t"}}, id="in the message's headers"),
    ],
)
@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.usefixtures("worker")
def test_custom_headers_survive_a_retry(
    given: dict[str, Any], protocol: int, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://github.com/celery/celery/issues/4875"""
    monkeypatch.setattr(app.amqp, "create_task_message", app.amqp.task_protocols[protocol])
    result = in_request(lambda: retry_once.apply_async(headers=given))
    headers = result.get(timeout=10)
    assert wait_for(events, 2) == {"try 0": ALICE, "try 1": ALICE}
    headers = headers if "tenant" in headers else headers["headers"]
    assert headers["tenant"] == "t"
    assert headers["koala_visitor"] == carrier(ALICE)["koala_visitor"]


@pytest.mark.parametrize("place", ["in the message", "in the message's headers"])
@pytest.mark.usefixtures("worker")
def test_visitor_is_found_in_both_places(place: str, events: Events) -> None:
    """https://github.com/celery/celery/issues/4875"""
    ids = carrier(ALICE)
    note.apply_async(headers=ids if place == "in the message" else {"headers": ids})
    assert wait_for(events, 1) == {"task": ALICE}


def test_retry_keeps_the_headers_of_its_own(sender: Celery) -> None:
    """One visitor's profile id with the other's anonymous id would link the two."""
    for own in (carrier(None, "b"), {"koala_anonymous_id": "b"}):
        headers = headers_of(
            lambda own=own: call_as(  # type: ignore[misc]
                Visitor(ALICE, "a"), sender.send_task, "task", headers=own
            )
        )
        assert headers == own


@pytest.mark.usefixtures("worker")
def test_all_that_a_carrier_has_is_in_the_events_of_the_task(events: Events) -> None:
    def send() -> None:
        koala.bind(plan="team")
        note.delay()

    fbp = koala.BrowserId(cookie="_fbp", path="properties.fbp")
    in_request(send, f"{ALICE}; _fbp=fb.1", browser_ids=(fbp,))
    wait_for(events, 1)
    assert events[0]["properties"] == {"plan": "team", "fbp": "fb.1", "profile_id": ALICE}


# What the version before has sent


@pytest.mark.parametrize("place", ["in the message", "in the message's headers"])
@pytest.mark.usefixtures("worker")
def test_message_of_the_version_before_is_read(place: str, events: Events) -> None:
    before = {
        "koala_profile_id": ALICE,
        "koala_anonymous_id": "a",
        "koala_properties": {"plan": "team"},
    }
    headers = before if place == "in the message" else {"headers": before}
    note_anonymously.apply_async(headers=headers)
    wait_for(events, 1)
    assert events[0]["anonymousId"] == "a"
    assert events[0]["properties"] == {"profile_id": ALICE, "plan": "team"}


def test_message_of_the_version_before_may_have_any_keys() -> None:
    """As pickle has them, where JSON has none: the task runs."""
    message = {"koala_profile_id": ALICE, "koala_properties": {"a": 1, (1, 2): 3}}
    assert read_visitor(plugin._carrier(message), koala.Options()).profile_id == ALICE


@pytest.mark.usefixtures("worker")
def test_retry_of_the_version_before_keeps_its_visitor(events: Events) -> None:
    retry_once.apply_async(headers={"koala_profile_id": ALICE})
    assert wait_for(events, 2) == {"try 0": ALICE, "try 1": ALICE}


# What arrives is from another trust zone.


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("not a uuid", id="text"),
        pytest.param("{" + ALICE + "}", id="in braces"),
        pytest.param(f"{ALICE}\n", id="line feed"),
        pytest.param(ALICE + "-" * 8000, id="long"),
        pytest.param(7, id="number"),
        pytest.param([ALICE], id="list"),
        pytest.param({"profile_id": ALICE}, id="dict"),
        pytest.param(True, id="bool"),
    ],
)
@pytest.mark.parametrize("name", ["koala_visitor", "koala_profile_id"])
@pytest.mark.usefixtures("worker")
def test_what_is_no_profile_id_is_refused(
    value: object, name: str, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once that, and never what, was refused."""
    for event in "ab":
        note.apply_async((event,), headers={name: value})
    assert wait_for(events, 2) == {"a": None, "b": None}
    messages = [r.getMessage() for r in caplog.records if r.name == "koala_middleware"]
    assert len([m for m in messages if "the visitor of a message was refused" in m]) == 1
    assert not any(str(value) in m for m in messages if isinstance(value, str) and value)


@pytest.mark.usefixtures("worker")
def test_own_parse_is_asked_again(events: Events) -> None:
    def parse(value: str) -> Any:
        return UUID(value.removeprefix("v1.")) if value.startswith(("v1.", ALICE)) else None

    instrument(parse=parse)
    in_request(lambda: note.delay("a"), f"v1.{ALICE}", parse=parse)
    note.apply_async(("b",), headers=carrier("v2." + ALICE))
    assert wait_for(events, 2) == {"a": ALICE, "b": None}


def test_parse_is_called_as_nobody() -> None:
    """What it tracks must not be attributed to whoever is current where the task runs."""
    seen: list[str | None] = []

    def parse(value: str) -> str:
        seen.append(koala.get_profile_id())
        return value

    instrument(parse=parse)
    message = {**carrier(ALICE), "task": "note", "id": "1"}
    request = SimpleNamespace(app=note.app, request_dict=message)
    with koala.profile(BOB), pytest.raises(AttributeError):
        Request.on_timeout(request, True, 1)
    assert seen == [None]


@pytest.mark.usefixtures("worker")
def test_parse_that_fails_or_returns_too_much_refuses(
    events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    instrument(parse=lambda value: value * 9)
    note.apply_async(("a",), headers=carrier(ALICE))
    wait_for(events, 1)
    instrument(parse=lambda value: str(1 / 0))
    note.apply_async(("b",), headers=carrier(ALICE))
    assert wait_for(events, 2) == {"a": None, "b": None}
    assert "ZeroDivisionError" in caplog.text
    assert ALICE not in caplog.text
