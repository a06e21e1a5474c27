"""Run the demo: everything on one port, in one process."""

from __future__ import annotations

import os
import socket
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import segment.analytics as analytics

from koala_middleware.demo.app import make_demo
from koala_middleware.demo.play import play
from koala_middleware.demo.report import report
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.server.listening import DEFAULT_PORT, url_of
from koala_middleware.inspector.server.serving import open_port, serving, wait_for_stop
from koala_middleware.inspector.storage.event_store import EventStore
from koala_middleware.segment import instrument


def run(arguments: Namespace) -> int:
    """Serve the demo until Ctrl-C or, ``once``, until all is played; return the exit code."""
    port = arguments.port
    if port is None:
        port = 0 if arguments.once else DEFAULT_PORT
    with ExitStack() as stack:
        listener = open_port("koala-middleware demo", arguments.host, port)
        if listener is None:
            return 2
        stack.enter_context(listener)
        url = url_of(listener)
        folder = stack.enter_context(TemporaryDirectory(prefix="koala-demo-"))
        store = stack.enter_context(closing(EventStore(Path(folder, "demo.db"))))
        feed = Feed()
        app = make_demo(store, feed, (arguments.host, socket.gethostname()))
        stack.enter_context(serving(app, listener, feed.close))
        stack.enter_context(_segment(url))
        if arguments.once:
            return report(play(url, store, analytics.flush))
        print(f"Open {url} and press a button; Ctrl-C stops.", flush=True)
        wait_for_stop()
    return 0


@contextmanager
def _segment(url: str) -> Iterator[None]:
    """Point the SDK's module functions, which the sites call, at the inspector."""
    os.environ["KOALA_EXPLAIN"] = "1"
    instrument()  # which reads it, for what the sites track outside a request
    # A proxy that the environment names would look for the inspector on its own machine.
    os.environ["no_proxy"] = str(urlsplit(url).hostname)
    analytics.write_key, analytics.host = "demo", url
    analytics.timeout, analytics.max_retries = 5, 1
    analytics.default_client = None  # the SDK makes one, with these settings, when it needs it
    try:
        yield
    finally:
        analytics.shutdown()
