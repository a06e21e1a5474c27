"""Pass what arrives on to a real Segment-compatible host, later if it cannot be now."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import requests

from koala_middleware.inspector.forwarding.outbox import Outbox, Parcel
from koala_middleware.inspector.messages import Upload

_log = logging.getLogger("koala_middleware.inspector")

_TIMEOUT = 15.0  # seconds, as Segment's SDK has it
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0


def forward_url(text: str, other_than: str) -> str:
    """Return the base URL of a host to forward to.

    Raises ValueError for what is none, and for our own.
    """
    expected = f"--forward: expected a URL such as https://api.segment.io, got {text!r}"
    parts, ours = urlsplit(text), urlsplit(other_than)
    if parts.username is not None:
        raise ValueError("--forward: expected a URL without a user: uploads have their write keys")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(expected)
    try:
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    if port == ours.port and parts.hostname in ("localhost", ours.hostname):
        raise ValueError(f"--forward: {text} is the inspector itself")
    return text.rstrip("/").removesuffix("/v1")


class Forwarder:
    """Send uploads in their order, in a thread, until each is taken or refused.

    After a failure, and the answers 429 and 5xx, the same upload is sent again, after at most
    five minutes or when the host says; any other answer is final.
    """

    def __init__(self, url: str, outbox: Outbox) -> None:
        self.url = url
        self._outbox = outbox
        self._sent = self._refused = 0
        self._fault: str | None = None
        self._news, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="koala-forwarder", daemon=True)

    def put(self, path: str, upload: Upload, authorization: str | None) -> None:
        """Queue an upload; it is on disk when this returns."""
        self._outbox.put(path, upload.body, authorization, upload.write_key)
        self._news.set()

    def stats(self) -> dict[str, Any]:
        """Return how many uploads wait, and what became of the others since the start."""
        return {
            "to": self.url,
            "pending": len(self._outbox),
            "sent": self._sent,
            "refused": self._refused,
            "given_up": self._outbox.given_up,
            "fault": self._fault,
        }

    def __enter__(self) -> Forwarder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop soon; what waits is kept for the next start."""
        self._stopping.set()
        self._news.set()
        self._thread.join(2)

    def _run(self) -> None:
        wait = _FIRST_WAIT
        with requests.Session() as session:
            while not self._stopping.is_set():
                self._news.clear()
                parcel = self._outbox.first()
                if parcel is None:
                    self._news.wait()
                    continue
                delay = self._send(session, parcel)
                if delay is None:
                    self._outbox.remove(parcel.id)
                    wait = _FIRST_WAIT
                else:
                    self._stopping.wait(max(delay, wait))
                    wait = min(wait * 2, _LONGEST_WAIT)

    def _send(self, session: requests.Session, parcel: Parcel) -> float | None:
        """Send one upload; return None when done with it, or how many seconds to wait at least."""
        # Segment compares it with its own clock to mend the events' timestamps.
        body = {**parcel.body, "sentAt": datetime.now(timezone.utc).isoformat()}
        if parcel.write_key is not None:
            body["writeKey"] = parcel.write_key
        headers = {"Authorization": parcel.authorization} if parcel.authorization else {}
        try:
            response = session.post(
                self.url + parcel.path,
                json=body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as fault:
            self._report(f"{type(fault).__name__}: {self.url} cannot be reached")
            return 0.0
        if response.ok and not response.is_redirect:
            self._sent += 1
            self._report(None)
            return None
        self._report(f"{self.url} answered {response.status_code}")
        if response.status_code == 429 or response.status_code >= 500:
            return _retry_after(response)
        self._refused += 1
        return None

    def _report(self, fault: str | None) -> None:
        if fault is not None and fault != self._fault:
            _log.warning("forwarding: %s", fault)
        self._fault = fault


def _retry_after(response: requests.Response) -> float:
    seconds = response.headers.get("retry-after", "")
    return min(float(seconds), _LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() else 0.0
