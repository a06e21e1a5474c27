"""An inspector on loopback, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from socket import socket
from typing import Any, NamedTuple

from koala_middleware.inspector.forwarding.forwarder import Forwarder
from koala_middleware.inspector.forwarding.outbox import Outbox
from koala_middleware.inspector.server.app import make_app
from koala_middleware.inspector.server.feed import Feed
from koala_middleware.inspector.server.listening import listen, url_of
from koala_middleware.inspector.server.serving import serving
from koala_middleware.inspector.storage.event_store import EventStore, Filter
from tests.asking import Answer, ask

AT = "2026-11-23T12:00:00Z"


class Inspector(NamedTuple):
    url: str
    store: EventStore
    forwarder: Forwarder | None

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> Answer:
        """Send a request; a header that is None is left out, its underscores are hyphens."""
        return ask(self.url, method, path, body, **headers)

    def send(self, *events: object, **headers: str) -> Answer:
        body = json.dumps({"batch": events, "writeKey": "abcdefghijklmnop"}).encode()
        return self.ask("POST", "/v1/batch", body, **headers)

    def messages(self) -> list[dict[str, Any]]:
        """Return the stored messages, oldest first."""
        found = self.store.messages(Filter(after=0), 10_000)
        return [message for row, message in found if row["verdict"] != "upload_refused"]

    def refused(self) -> list[dict[str, Any]]:
        """Return what is stored of the uploads that were refused, oldest first."""
        found = self.store.messages(Filter(after=0, verdict="upload_refused"), 10_000)
        return [message["refused_upload"] for _, message in found]


@contextmanager
def inspecting(
    path: Path,
    *,
    keep: int = 10_000,
    forward: str | None = None,
    names: tuple[str, ...] = (),
    listener: socket | None = None,
) -> Iterator[Inspector]:
    """Run an inspector that keeps its events in the file ``path``."""
    with ExitStack() as stack:
        listener = listener or stack.enter_context(listen("127.0.0.1", 0))
        store = stack.enter_context(closing(EventStore(path, keep)))
        forwarder = None
        if forward is not None:
            outbox = stack.enter_context(closing(Outbox(path)))
            forwarder = stack.enter_context(Forwarder(forward, outbox))
        feed = Feed()
        app = make_app(store, feed, forwarder, names=names)
        stack.enter_context(serving(app, listener, feed.close))
        yield Inspector(url_of(listener), store, forwarder)


def track(name: str, **values: Any) -> dict[str, Any]:
    """Return an event that Segment takes."""
    required = {"type": "track", "userId": "u", "timestamp": AT, "messageId": name}
    return {**required, "event": name, "properties": {}, **values}
