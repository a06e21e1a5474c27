"""Run the demo: everything on one port, in one process."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit

import segment.analytics as analytics
import uvicorn
from starlette.applications import Starlette

from koala_middleware.demo.app import make_app
from koala_middleware.demo.listening import is_loopback, listen, url_of
from koala_middleware.demo.play import play
from koala_middleware.demo.report import report
from koala_middleware.inspector.collector import EventStore


def run(host: str, port: int, *, once: bool) -> int:
    """Serve the demo until Ctrl-C or, ``once``, until all is played; return the exit code."""
    try:
        listener = listen(host, port)
    except (OSError, UnicodeError) as error:
        print(
            f"koala-middleware demo: cannot listen on {host} port {port}: {error}; "
            "choose others with --host and --port (0 picks a free one)",
            file=sys.stderr,
        )
        return 2

    if not is_loopback(listener):
        print(
            f"koala-middleware demo: warning: whoever reaches {host} can read the events and send "
            "some; --host 127.0.0.1 keeps them on this machine",
            file=sys.stderr,
        )
    url = url_of(listener)
    store = EventStore()
    with _serving(make_app(store), listener), _segment(url):
        if once:
            return report(play(url, store, analytics.flush))
        print(f"Open {url} and press a button; Ctrl-C stops.", flush=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(0.5)  # no longer: it goes on where another thread takes the signal
    return 0


@contextmanager
def _serving(app: Starlette, listener: socket.socket) -> Iterator[None]:
    # In a thread of its own, so that it still takes events while the SDK sends its last ones.
    config = uvicorn.Config(
        app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _segment(url: str) -> Iterator[None]:
    """Point the SDK's module functions, which the sites call, at the collector."""
    # A proxy that the environment names would look for the collector on its own machine.
    os.environ["no_proxy"] = str(urlsplit(url).hostname)
    analytics.write_key, analytics.host = "demo", url
    analytics.timeout, analytics.max_retries = 5, 1
    analytics.default_client = None  # the SDK makes one, with these settings, when it needs it
    try:
        yield
    finally:
        analytics.shutdown()
