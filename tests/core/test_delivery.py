"""What track took is uploaded at the end of a block, and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from segment.analytics.request import APIError

import koala_middleware as koala
from tests.collector import Collector

# delivering()


def test_delivering_block(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)
    with koala.delivering():
        client.track("u1", "E")
    assert len(collector.events) == 1


def test_delivering_function(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering(seconds=10)
    def handler(event: str) -> str:
        client.track("u1", event)
        return event

    assert handler("E") == "E"
    assert len(collector.events) == 1


def test_delivering_coroutine_function(make: Callable[..., Any], collector: Collector) -> None:
    """Without holding up the loop."""
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering()
    async def handler(event: str) -> str:
        client.track("u1", event)
        return event

    assert asyncio.run(handler("E")) == "E"
    assert len(collector.events) == 1


def test_delivering_when_the_block_raises(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client = make(upload_interval=60)

    @koala.delivering()
    def fail() -> None:
        client.track("u1", "E")
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        fail()
    assert len(collector.events) == 1


def test_delivering_gives_up_in_time(make: Callable[..., Any]) -> None:
    koala.instrument()
    # Ten retries, as by default, would last until long after the tests.
    client = make(host="http://127.0.0.1:1", max_retries=3)
    start = time.monotonic()
    with koala.delivering(seconds=0.1):
        client.track("u1", "E")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("seconds", [test_delivering_gives_up_in_time, None, "5", -1])
def test_delivering_refuses_what_is_not_seconds(seconds: Any) -> None:
    """Such as the function that it decorates without parentheses."""
    with pytest.raises((TypeError, ValueError), match="delivering: seconds: expected a number"):
        koala.delivering(seconds)


def test_delivering_refuses_a_generator_function() -> None:
    with pytest.raises(TypeError, match="got a generator"):

        @koala.delivering()
        def body() -> Iterator[int]:
            yield 1


# stats()


def test_stats(make: Callable[..., Any], collector: Collector) -> None:
    koala.instrument()
    client, other = make(), make(max_queue_size=1, send=False)
    for _ in range(3):
        client.track("u1", "E")
    with koala.delivering():
        pass
    other.send = True  # though nothing uploads
    other.queue.put({}, True)  # as somebody else might
    for _ in range(2):
        assert other.track("u1", "too many")[0] is False
    [found] = [each for each in koala.stats() if each.host == collector.url]
    assert found == koala.ClientStats(
        "secret", collector.url, taken=6, sent=3, dropped={"queue full": 2}, queued=1
    )


def test_waking_takes_no_room_in_the_queue(make: Callable[..., Any]) -> None:
    koala.instrument()
    client = make(max_queue_size=1, send=False)
    client.send = True  # though nothing uploads
    client.queue.wake()
    assert [client.track("u1", "E")[0] for _ in range(2)] == [True, False]


def test_stats_of_what_the_collector_refuses(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    koala.instrument()
    errors: list[Exception] = [APIError(400, "code", "message"), OSError(), Exception("budget")]
    told: list[Exception] = []

    def refuse(*args: object, **kwargs: object) -> None:
        raise errors[len(told)]

    def on_error(error: Exception, batch: list[Any]) -> None:
        told.append(error)
        raise ValueError  # ends the SDK's thread

    monkeypatch.setattr("segment.analytics.consumer.post", refuse)
    client = make(on_error=on_error, max_retries=0)
    for _ in errors:
        with koala.delivering():
            client.track("u1", "E")
    dropped = {"HTTP 400": 1, "OSError": 1, "rate limited": 1}
    [found] = [each for each in koala.stats() if each.host == client.host]
    assert (found.taken, found.sent, found.queued, found.dropped) == (3, 0, 0, dropped)
    assert client.consumers[0].is_alive()
