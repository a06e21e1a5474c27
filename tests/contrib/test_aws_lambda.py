"""The decorator for Lambda's handlers, with the events that AWS documents."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest
import segment.analytics as analytics

import koala_middleware as koala
from koala_middleware import filters
from koala_middleware.contrib.aws_lambda import koala_handler
from tests.collector import collecting
from tests.visitors import ALICE, profile_ids, track

Event = dict[str, Any]
Events = list[dict[str, Any]]

COOKIE = f"a=1; ko_id={ALICE}"
REST_API: Event = {  # payload format 1.0
    "resource": "/{proxy+}",
    "path": "/a b",
    "httpMethod": "GET",
    "headers": {"Cookie": COOKIE, "Host": "site.test", "User-Agent": "Mozilla/5.0"},
    "multiValueHeaders": {
        "Cookie": [COOKIE],
        "Host": ["site.test"],
        "User-Agent": ["Mozilla/5.0"],
        "X-Forwarded-Proto": ["https"],
    },
    "queryStringParameters": {"x": "ä"},
    "multiValueQueryStringParameters": {"x": ["ä"]},
    "requestContext": {"httpMethod": "GET", "identity": {"sourceIp": "192.0.2.7"}},
    "body": None,
}
HTTP_API: Event = {  # payload format 2.0, and function URLs
    "version": "2.0",
    "rawPath": "/a b",
    "rawQueryString": "x=%C3%A4",
    "cookies": ["a=1", f"ko_id={ALICE}"],
    "headers": {"host": "site.test", "user-agent": "Mozilla/5.0", "x-forwarded-proto": "https"},
    "requestContext": {"http": {"method": "GET", "path": "/a b", "sourceIp": "192.0.2.7"}},
}
LOAD_BALANCER: Event = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
    "httpMethod": "GET",
    "path": "/a b",
    "queryStringParameters": {"x": "%C3%A4"},
    "headers": {"cookie": COOKIE, "host": "site.test", "user-agent": "Mozilla/5.0"},
    "body": "",
}
REQUESTS = pytest.mark.parametrize(
    "event",
    [
        pytest.param(REST_API, id="rest-api"),
        pytest.param({**REST_API, "multiValueHeaders": None}, id="rest-api-single-values"),
        pytest.param(HTTP_API, id="http-api"),
        pytest.param(LOAD_BALANCER, id="load-balancer"),
    ],
)


@koala_handler
def handler(event: Any, context: Any) -> Any:
    track("handled")
    return {"statusCode": 200, "context": context}


@REQUESTS
def test_visitor_of_a_request(event: Event, events: Events) -> None:
    koala.instrument()
    assert handler(event, "context") == {"statusCode": 200, "context": "context"}
    assert profile_ids(events) == {"handled": ALICE}
    assert koala.current_visitor() is None


@REQUESTS
def test_options_that_look_at_the_request(event: Event, events: Events) -> None:
    seen: list[Any] = []

    @koala_handler(
        context=True,
        email=lambda scope: seen.append(scope["aws.event"]),
        request_filter=filters.skip_bots & filters.skip_paths("/health"),
    )
    def handler(event: Any, context: Any) -> None:
        track("handled")

    handler(event, None)
    context = events[0]["context"]
    assert context["page"]["url"] == "https://site.test/a%20b?x=%C3%A4"
    assert context["userAgent"] == "Mozilla/5.0"
    assert context.get("ip") == (None if event is LOAD_BALANCER else "192.0.2.7")
    assert seen[0] is event


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"Records": [{"body": "{}"}]}, id="queue"),
        pytest.param({"source": "aws.events"}, id="schedule"),
        pytest.param({**HTTP_API, "cookies": None}, id="no-cookie"),
        pytest.param({"requestContext": {"connectionId": "1"}}, id="websocket"),
        pytest.param(None, id="none"),
    ],
)
def test_nobody_without_a_request(event: Any, events: Events) -> None:
    koala.instrument()
    with koala.profile(ALICE):  # of the environment's last invocation
        handler(event, None)
    assert profile_ids(events) == {"handled": None}


def test_event_that_cannot_be_read(events: Events, caplog: pytest.LogCaptureFixture) -> None:
    koala.instrument()
    handler({**HTTP_API, "headers": 1}, None)
    assert profile_ids(events) == {"handled": None}
    assert "an event of Lambda cannot be read: nobody is current" in caplog.text


def test_refused_and_disabled(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(event: Any, context: Any) -> None:
        track("plain")

    koala_handler(request_filter=lambda scope: False)(plain)(HTTP_API, None)
    assert koala_handler(enabled=False)(plain) is plain
    monkeypatch.setenv("KOALA_EXPLAIN", "1")
    koala_handler(enabled=False)(plain)(HTTP_API, None)
    assert profile_ids(events) == {"plain": None}


def test_events_are_uploaded_before_the_handler_returns() -> None:
    with collecting() as collector:
        client = analytics.Client("key", host=collector.url)

        @koala_handler(flush_seconds=10)
        def handler(event: Any, context: Any) -> str:
            client.track("u1", "Signed Up")
            return "fine"

        assert handler(HTTP_API, None) == "fine"
        assert profile_ids(collector.events) == {"Signed Up": ALICE}
        client.join()


def test_uploads_leave_time_to_answer() -> None:
    """Lambda ends a function at its timeout, and the visitor gets an error."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 550)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = analytics.Client("key", host=host, timeout=30, max_retries=0)

        @koala_handler(flush_seconds=20)
        def handler(event: Any, context: Any) -> str:
            client.track("u1", "Signed Up")
            return "fine"

        began = time.monotonic()
        assert handler(HTTP_API, context) == "fine"
        assert time.monotonic() - began < 10
    client.join()


def test_handler_that_raises(events: Events) -> None:
    @koala_handler
    def failing(event: Any, context: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        failing(HTTP_API, None)


def test_wrong_options() -> None:
    with pytest.raises(TypeError, match="did you mean cookie_name"):
        koala_handler(cookie_nam="x")(handler)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="option mint: expected None"):
        koala_handler(mint=koala.Mint())(handler)

    async def coroutine(event: Any, context: Any) -> None: ...

    with pytest.raises(TypeError, match="expected a function"):
        koala_handler(coroutine)
