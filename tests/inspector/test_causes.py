"""Why an event has no visitor: what an event says, and what the inspector makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from koala_middleware.causes import Cause
from koala_middleware.inspector import causes
from koala_middleware.inspector.causes import CAUSES, UNKNOWN, documentation, link_of
from koala_middleware.inspector.explanation import (
    Explanation,
    with_explanation,
    without_explanation,
)
from tests.inspecting import inspecting
from tests.visitors import ALICE

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.rst"


def track(cause: object, **properties: Any) -> dict[str, Any]:
    said = {
        "cause": cause,
        "call": "billing/tasks.py:88",
        "request": {"method": "POST", "path": "/checkout"},
        "version": "0.1.0",
    }
    context = {"library": {"name": "analytics-python"}, "koala": said}
    return {
        "type": "track",
        "userId": "u",
        "event": "e",
        "context": context,
        "properties": properties,
    }


def test_troubleshooting_page_has_a_section_for_each_cause() -> None:
    """With a label, and under its title."""
    sections = dict(re.findall(r"[.][.] _cause-([a-z-]+):\n\n(.+)\n~+\n", PAGE.read_text()))
    titles = {name.replace("_", "-"): cause.title for name, cause in CAUSES.items()}
    assert sections == {"unknown": UNKNOWN.title, **titles}


@pytest.mark.parametrize("name", CAUSES)
def test_event_s_cause_is_shown_with_its_remedy_and_not_forwarded(
    tmp_path: Path, name: str
) -> None:
    """In the row and the detail; the message, the outbox and the export are as they should be."""
    with inspecting(tmp_path / "x.db", forward="http://127.0.0.1:9") as inspector:
        inspector.send(track(name))
        (event,) = inspector.ask("GET", "/api/events").json["events"]
        (line,) = inspector.ask("GET", "/api/events.ndjson").text.splitlines()
        assert inspector.forwarder is not None
        parcel = inspector.forwarder._outbox.first()
    assert parcel is not None
    assert event["message"]["context"] == parcel.body["batch"][0]["context"]
    assert event["message"]["context"] == {"library": {"name": "analytics-python"}}
    assert json.loads(line)["context"] == track(name)["context"]
    assert (event["cause"], event["hint"]) == (name, CAUSES[name].remedy)
    assert (event["call"], event["request"]) == ("billing/tasks.py:88", "POST /checkout")
    assert event["title"] == CAUSES[name].title
    assert event["remedy"] == {**CAUSES[name]._asdict(), "link": link_of(name)}


@pytest.mark.parametrize(
    ("cause", "properties", "added"),
    [
        ("added", {"profile_id": ALICE}, ["properties.profile_id", "anonymousId"]),
        ("added", {"koala_id": ALICE}, []),
        ("set_by_caller", {"profile_id": ALICE}, []),
        ("a cause of tomorrow", {"profile_id": ALICE}, None),
    ],
)
def test_marks_come_from_the_cause(
    tmp_path: Path, cause: str, properties: dict[str, str], added: list[str] | None
) -> None:
    """Not from a property's name."""
    with inspecting(tmp_path / "x.db") as inspector:
        inspector.send({**track(cause, **properties), "anonymousId": ALICE})
        assert inspector.ask("GET", "/api/events").json["events"][0]["added"] == added


def test_single_message_is_forwarded_without_its_explanation(tmp_path: Path) -> None:
    with inspecting(tmp_path / "x.db", forward="http://127.0.0.1:9") as inspector:
        inspector.ask("POST", "/v1/track", json.dumps(track("no_cookie")).encode())
        assert inspector.forwarder is not None
        parcel = inspector.forwarder._outbox.first()
    assert parcel is not None
    assert "koala" not in parcel.body["context"]


@pytest.mark.parametrize(
    ("said", "explanation"),
    [
        ({"cause": "no_cookie"}, Explanation("no_cookie")),
        ({"cause": ["no_cookie"], "call": 7, "request": "POST", "version": {}}, Explanation()),
        ({"cause": "x", "request": {"method": "GET"}}, Explanation()),
        ({"cause": "failed", "call": "x" * 9999}, Explanation("failed", "x" * 300)),
        ({"cause": "failed", "call": "\ud800"}, Explanation("failed", "\\ud800")),
    ],
)
def test_explanation_may_be_whatever_somebody_sent(
    said: dict[str, Any], explanation: Explanation
) -> None:
    message, found = without_explanation({"type": "track", "context": {"koala": said, "ip": "::1"}})
    assert message == {"type": "track", "context": {"ip": "::1"}}
    assert found == explanation


@pytest.mark.parametrize(
    "message",
    [[], {}, {"context": []}, {"context": {"koala": "bear"}}, {"context": {"koala": {"id": 7}}}],
)
def test_application_s_own_context_stays(message: Any) -> None:
    assert without_explanation(message) == (message, Explanation())


def test_explanation_is_put_back() -> None:
    sent = track("no_request")
    message, explanation = without_explanation(sent)
    assert with_explanation(message, explanation._asdict()) == sent
    sent["context"]["koala"]["request"] = None
    message, explanation = without_explanation(sent)
    assert with_explanation(message, explanation._asdict()) == sent


def test_link_leads_to_the_cause_s_section(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ["Source, https://git.example", "Documentation, https://docs.example/en/"]
    assert documentation(urls) == "https://docs.example/en"
    assert documentation([]) is None
    monkeypatch.setattr(causes, "_documentation", lambda: "https://docs.example")
    assert link_of("no_cookie") == "https://docs.example/troubleshooting.html#cause-no-cookie"
    assert link_of(None) == "https://docs.example/troubleshooting.html#cause-unknown"
    monkeypatch.setattr(causes, "_documentation", lambda: None)
    assert link_of("no_cookie") is None


def test_each_cause_of_the_library_has_a_remedy() -> None:
    assert set(CAUSES) == {cause.value for cause in Cause}
