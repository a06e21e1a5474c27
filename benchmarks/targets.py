"""What the middleware may cost, and whether it does not cost more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import imports, peers, track
from benchmarks.results import Results
from benchmarks.wsgi import CHUNKS, HEADER_SIZE

_ADAPTERS = (
    "WSGI, list",
    "WSGI, one chunk",
    "Flask",
    "ASGI, plain",
    "ASGI, streamed",
    "Starlette",
    "Django, sync",
    "Django, async",
)
_PEERS = (
    ("ASGI, plain", peers.CORRELATION_ID, 1 / 3),
    ("ASGI, plain", peers.POSTHOG, 1 / 6),
    ("Django, sync", peers.POSTHOG, 1 / 6),
    ("Django, async", peers.POSTHOG, 1 / 6),
    ("WSGI, list", peers.OPENTELEMETRY, 1 / 20),
    ("ASGI, plain", peers.OPENTELEMETRY, 1 / 20),
)
_TYPICAL = "small"


@dataclass(frozen=True)
class Target:
    """Hold what was promised and what was measured, in a unit."""

    what: str
    limit: float
    measured: float
    unit: str = "×"

    @property
    def met(self) -> bool:
        return self.measured <= self.limit


def targets(results: Results) -> Iterator[Target]:
    for group in _ADAPTERS:
        for cookies, case in (("no cookie", "none"), ("a cookie", _TYPICAL)):
            ratio = results.ratio(group, case, "us", "floor")
            yield Target(f"{group}: a request with {cookies}, to the floor", 1.3, ratio)
    for group, peer, limit in _PEERS:
        ratio = results.ratio(group, _TYPICAL, "us", peer)
        yield Target(f"{group}: a request, to {peer}'s", limit, ratio)
    yield from _calls(results)

    small, large = (results.overhead(HEADER_SIZE, "bytes", f"us, {size}") for size in (100, 4000))
    yield Target("WSGI: a 4 KB header, to a small one", 2, large / small)
    small, large = (
        results.overhead(HEADER_SIZE, "bytes", f"us, asked, {size}") for size in (100, 4000)
    )
    yield Target("WSGI: the same, where the application asks for the id", 2, large / small)
    alone = results.time(imports.GROUP, imports.ALONE, "us")
    yield Target("import koala_middleware, without a framework", 15, alone * 1e3, "ms")


def _calls(results: Results) -> Iterator[Target]:
    bare = results.time(track.GROUP, "call", "bare")
    chunk = results.overhead("WSGI, 1,000 chunks", _TYPICAL, "us") / CHUNKS
    # On a machine where a bare call takes 16 microseconds.
    limit = 0.35 * bare / 16e-6
    yield Target("WSGI: a chunk, of 1,000", limit, chunk * 1e6, "µs")
    for row, other, limit in (
        ("us, inside a request", "by hand", 1.05),
        ("us, outside a request", "bare", 1.01),
    ):
        ratio = results.time_ratio(track.GROUP, "call", row, other)
        yield Target(f"track: {row.partition(', ')[2]}, to the call {other}", limit, ratio)
