"""Serve an application on an open port, in a thread."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Any

import uvicorn

from koala_middleware.inspector.server.listening import is_loopback, listen

_MOST_BYTES = 1 << 20


def open_port(program: str, host: str, port: int) -> socket.socket | None:
    """Return a listener, or print why there is none and return None.

    Warns where it can be reached from other machines.
    """
    try:
        listener = listen(host, port)
    except (OSError, UnicodeError) as error:
        print(
            f"{program}: cannot listen on {host} port {port}: {_named(error, host, port)}; "
            "choose others with --host and --port (0 picks a free one)",
            file=sys.stderr,
        )
        return None
    if not is_loopback(listener):
        print(
            f"{program}: warning: anybody who reaches {host} can read events and send "
            "some; --host 127.0.0.1 keeps them on this machine",
            file=sys.stderr,
        )
    return listener


def _named(error: Exception, host: str, port: int) -> str:
    """Return what an error says, or which inspector has the port."""
    with (
        suppress(OSError, ValueError, HTTPException),
        closing(HTTPConnection(host, port, timeout=1)) as connection,
    ):
        connection.request("GET", "/api/stats?steps=1")
        if "upload_refused" in json.loads(connection.getresponse().read(_MOST_BYTES)):
            name = f"[{host}]" if ":" in host else host
            return f"an inspector runs there already: open http://{name}:{port}"
    return str(error)


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


def wait_for_stop(look: Callable[[], object] = int) -> None:
    """Return at Ctrl-C or SIGTERM; ``look`` is called twice a second until then."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(0.5)  # no longer: it goes on where another thread takes the signal
            look()
