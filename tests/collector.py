"""A collector of Segment's batches on loopback, for clients that send over HTTP."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

# A script that tracks to the collector whose URL is its argument begins so.
START = """
import sys, koala_middleware as koala
koala.instrument()
import segment.analytics as analytics
analytics.write_key, analytics.host = "key", sys.argv[1]
"""


class Collector(ThreadingHTTPServer):
    """Keep the events that were posted to ``/v1/batch``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: list[dict[str, Any]] = []
        self.arrived = Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for(self, count: int, seconds: float = 20) -> list[dict[str, Any]]:
        """Return the events as soon as there are ``count``, or what there is by then."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.events) >= count, seconds)
            return list(self.events)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.arrived:
            self.server.events += json.loads(body)["batch"]
            self.server.arrived.notify_all()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a test says what it missed."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""
    with Collector() as collector:
        thread = Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()
