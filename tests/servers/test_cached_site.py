"""A Django site whose pages are cached on Redis, with mint on and two hundred visitors at once."""

from __future__ import annotations

import http.client
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from koala_middleware import parse_profile_id
from tests.collector import collecting
from tests.missing import skip_without
from tests.redis_server import running_redis
from tests.storm.processes import running
from tests.storm.servers import version_of

VISITORS = 200
PAGES = 10

SERVERS = {
    "gunicorn": "--bind=127.0.0.1:{port} --workers=2 --threads=8 tests.servers.cached_site:wsgi",
    "uvicorn": "--host=127.0.0.1 --port={port} --workers=2 tests.servers.cached_site:asgi",
}


@dataclass
class Visitor:
    """A browser that looks at pages, and keeps the cookie that it gets."""

    number: int
    cookie: str | None = None
    statuses: list[int] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def browse(self, url: str) -> None:
        own, shared = f"own{self.number}", [f"shared{self.number % PAGES + i}" for i in range(3)]
        names = [own, *shared] if self.number % 2 else [shared[0], own, *shared[1:], own]
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        for name in names:
            path = f"/async/{name}" if self.number % 3 else f"/{name}"
            headers = {"Sec-Fetch-Dest": "document", "X-Visitor": str(self.number)}
            if self.cookie is not None:
                headers["Cookie"] = f"ko_id={self.cookie}"
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            self.statuses.append(response.status)
            for header in response.headers.get_all("Set-Cookie", []):
                self.cookie = header.partition("ko_id=")[2].partition(";")[0]
                self.given.append(self.cookie)
        connection.close()


@pytest.mark.parametrize("server", SERVERS)
def test_nobody_gets_the_cookie_of_another(server: str, tmp_path: Path) -> None:
    """Those who come without one are given one, once; a page in the cache has none."""
    for package in (server, "redis"):
        if version_of(package) is None:
            skip_without(f"{package} is not installed")

    newcomers = [Visitor(number) for number in range(VISITORS * 3 // 4)]
    known = [Visitor(number, str(uuid4())) for number in range(len(newcomers), VISITORS)]
    with running_redis(tmp_path) as redis, collecting() as collector:
        environment = {
            "CACHED_SITE_REDIS": redis,
            "CACHED_SITE_PREFIX": server,
            "CACHED_SITE_COLLECTOR": collector.url,
        }
        command = [sys.executable, "-m", server, *SERVERS[server].split()]
        with running(command, environment, tmp_path) as url:
            with ThreadPoolExecutor(VISITORS) as pool:
                list(pool.map(lambda visitor: visitor.browse(url), [*newcomers, *known]))
            events = collector.wait_for(VISITORS)
            time.sleep(0.5)
            events = collector.wait_for(0)

    assert {status for v in [*newcomers, *known] for status in v.statuses} == {200}
    assert all(len(visitor.given) == 1 for visitor in newcomers)
    assert not any(visitor.given for visitor in known)
    cookies = {visitor.cookie for visitor in newcomers}
    assert len(cookies) == len(newcomers)
    assert all(parse_profile_id(cookie or "") for cookie in cookies)

    ids = defaultdict(set)
    for event in events:
        ids[int(event["properties"]["visitor"])].add(event["properties"].get("profile_id"))
    assert ids == {visitor.number: {visitor.cookie} for visitor in [*newcomers, *known]}
    assert len(events) < sum(len(v.statuses) for v in [*newcomers, *known])  # some were cached
