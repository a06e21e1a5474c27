"""The Redis server of this run, for tests that want one in a container."""

from __future__ import annotations

import os


class RedisContainer:
    """A server that runs already."""

    port = 6379

    def __init__(self, image: str) -> None:
        pass

    def __enter__(self) -> RedisContainer:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_exposed_port(self, port: int) -> int:
        return int(os.environ["KOALA_AROUND_REDIS"])
