"""Serve an application on a port that is open already, beside what else the process does."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import uvicorn

from koala_middleware.inspector.server.listening import is_loopback, listen


def open_port(program: str, host: str, port: int) -> socket.socket | None:
    """Return a listener, or None after a message that says why there is none.

    Warns where it can be reached from other machines.
    """
    try:
        listener = listen(host, port)
    except (OSError, UnicodeError) as error:
        print(
            f"{program}: cannot listen on {host} port {port}: {error}; "
            "choose others with --host and --port (0 picks a free one)",
            file=sys.stderr,
        )
        return None
    if not is_loopback(listener):
        print(
            f"{program}: warning: whoever reaches {host} can read the events and send "
            "some; --host 127.0.0.1 keeps them on this machine",
            file=sys.stderr,
        )
    return listener


@contextmanager
def serving(app: Any, listener: socket.socket, closing: Callable[[], object]) -> Iterator[None]:
    """Serve until the block ends; ``closing`` then ends the streams that are still open.

    In a thread of its own, so that it still takes events while an SDK in this process sends its
    last ones.
    """
    config = uvicorn.Config(
        app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing()
        server.should_exit = True
        thread.join()


def wait_for_stop() -> None:
    """Return at Ctrl-C or SIGTERM."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.5)  # no longer: it goes on where another thread takes the signal
