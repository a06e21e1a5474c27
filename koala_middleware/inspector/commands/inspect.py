"""Run the inspector."""

from __future__ import annotations

import logging
import socket
import sqlite3
import sys
from argparse import Namespace
from contextlib import ExitStack, closing
from pathlib import Path

from platformdirs import user_state_path

from koala_middleware.inspector.commands.forward_url import forward_url
from koala_middleware.inspector.commands.progress import Progress
from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.forwarding.outbox import Outbox
from koala_middleware.inspector.server.app import make_app
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.server.listening import DEFAULT_PORT, url_of
from koala_middleware.inspector.server.serving import open_port, serving, wait_for_stop
from koala_middleware.inspector.storage.event_store import EventStore

_PROGRAM = "koala-middleware inspect"


def run(arguments: Namespace) -> int:
    """Serve the inspector until Ctrl-C or SIGTERM; return the exit code."""
    logging.basicConfig(format=f"{_PROGRAM}: %(message)s")
    default = user_state_path("koala-middleware", appauthor=False) / "inspector.db"
    path = default if arguments.db is None else Path(arguments.db).expanduser()
    port = DEFAULT_PORT if arguments.port is None else arguments.port
    with ExitStack() as stack:
        listener = open_port(_PROGRAM, arguments.host, port)
        if listener is None:
            return 2
        stack.enter_context(listener)
        url = url_of(listener)
        forwarder = None
        try:
            store = stack.enter_context(closing(EventStore(path, arguments.keep)))
            if arguments.forward is not None:
                target = forward_url(arguments.forward, listener)
                outbox = stack.enter_context(closing(Outbox(path)))
                forwarder = stack.enter_context(Forwarder(target, outbox))
        except sqlite3.Error as fault:
            print(f"{_PROGRAM}: {path}: {fault}", file=sys.stderr)
            return 2
        except (OSError, ValueError) as fault:
            print(f"{_PROGRAM}: {fault}", file=sys.stderr)
            return 2

        progress, feed = Progress(store), Feed()
        names = (arguments.host, socket.gethostname(), *arguments.allow_host)
        app = make_app(store, feed, forwarder, names=names)
        stack.enter_context(serving(app, listener, feed.close))
        print(f'Open {url}; Ctrl-C stops. In your application: analytics.host = "{url}"')
        print(f"The events are kept in {path}.")
        print(
            "Why does an event have no visitor? Run your application with KOALA_EXPLAIN=1.",
            flush=True,
        )
        wait_for_stop(progress.look)
        is_fine = progress.end()
    return 1 if arguments.fail_on_dropped and not is_fine else 0
