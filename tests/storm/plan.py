"""What is asked for, by whom: every request has a visitor of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote
from uuid import UUID

from tests.storm.kinds import MIX
from tests.storm.servers import Server

INVALID = (
    "",
    "undefined",
    "3e6a2c183b0240c4b8d21842c193d3ba",
    "{3e6a2c18-3b02-40c4-b8d2-1842c193d3ba}",
    "3e6a2c18-3b02-40c4-b8d2-1842c193d3ba-",
    "urn:uuid:3e6a2c18-3b02-40c4-b8d2-1842c193d3ba",
)


@dataclass(frozen=True)
class Request:
    """A request; ``profile_id`` is what its events must carry, None for none."""

    ref: str
    site: str
    kind: str
    profile_id: str | None
    anonymous_id: str | None
    cookies: str | None

    @property
    def path(self) -> str:
        return f"/{self.site}/{self.kind}/{self.ref}"


def plan(server: Server, count: int, seed: str) -> Iterator[Request]:
    """Yield ``count`` requests to the applications behind a server, mixed."""
    random = Random(seed)
    choices = [
        (site, kind)
        for site, kinds in MIX[server.interface].items()
        for kind in kinds
        if kind not in server.without
    ]
    for number, (site, kind) in enumerate(_shuffled(random, choices, count)):
        yield _request(random, str(number), site, kind)


def _shuffled(
    random: Random, choices: Sequence[tuple[str, str]], count: int
) -> Iterator[tuple[str, str]]:
    while count > 0:
        yield from random.sample(choices, min(count, len(choices)))
        count -= len(choices)


def _request(random: Random, ref: str, site: str, kind: str) -> Request:
    profile_id, value = None, None
    luck = random.random()
    if luck < 0.75:
        value = profile_id = _uuid(random)
        if luck < 0.1:
            value = quote(f'"{profile_id}"')
    elif luck < 0.9:
        value = random.choice(INVALID)
    anonymous_id = _uuid(random) if kind == "anonymous" else None
    pairs = {"session": "1", "ko_id": value, "ajs_anonymous_id": anonymous_id}
    cookies = "; ".join(f"{name}={value}" for name, value in pairs.items() if value is not None)
    # Some have no Cookie header at all: then it must not be somebody else's.
    header = cookies if luck < 0.95 or anonymous_id else None
    return Request(ref, site, kind, profile_id, anonymous_id, header)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
