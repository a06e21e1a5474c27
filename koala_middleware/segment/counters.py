"""Counts of the events that clients have taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from koala_middleware.segment.outbox import outboxes


@dataclass
class ClientStats:
    """The events that this process has tracked with one write key, to one host.

    ``taken`` is always the sum of ``sent``, ``dropped`` and ``queued``.

    :param client: the first six characters of the write key.
    :param host: where its clients upload to, None for Segment.
    :param taken: that ``track`` and the other calls were given.
    :param sent: that the host has accepted.
    :param dropped: that are lost, by reason, such as ``"queue full"`` or ``"HTTP 400"``.
    :param queued: that are still in memory.
    """

    client: str
    host: str | None
    taken: int = 0
    sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    queued: int = 0


def stats() -> list[ClientStats]:
    """Return what became of the events, for each write key that this process tracks with.

    A forked child counts anew. A client in ``sync_mode`` has no queue and is not counted.
    """
    found: dict[tuple[str, str | None], ClientStats] = {}
    for outbox in outboxes():
        key = outbox.write_key, outbox.host
        client = found.setdefault(key, ClientStats(outbox.write_key[:6], outbox.host))
        with outbox.mutex:
            client.taken += outbox.taken
            client.sent += outbox.sent
            client.queued += outbox.queued
            for reason, count in outbox.dropped.items():
                client.dropped[reason] = client.dropped.get(reason, 0) + count
    return list(found.values())
