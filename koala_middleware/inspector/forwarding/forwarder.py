"""Send uploads to the host in a thread, and try again later if that fails."""

from __future__ import annotations

import logging
import re
import secrets
import sqlite3
from datetime import datetime, timezone
from threading import Event, Thread
from typing import Any

import requests
from requests.exceptions import InvalidHeader

from koala_middleware.inspector.forwarding.outbox import Outbox, Parcel
from koala_middleware.inspector.messages import Upload
from koala_middleware.inspector.refusals import LoopError

_log = logging.getLogger("koala_middleware.inspector")

_TIMEOUT = 15.0  # seconds, as in Segment's SDK
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0
_IDLE = 1.0  # seconds without an upload
_MOST_TRIES = 20  # of an upload that the host answers with 5xx, in about an hour
_HOP = re.compile(r"\bkoala-inspector-[0-9a-f]{8}\b")


class Forwarder:
    """A thread that sends uploads in order, each until it is accepted, refused or given up.

    While the host cannot be reached, or answers 429 or 5xx, the same upload is sent again, after
    at most five minutes or when the host says. Given up is what cannot be sent at all, and what
    is answered 5xx too often. Any other answer is final.
    """

    def __init__(self, url: str, outbox: Outbox) -> None:
        self.url = url
        self._name = f"koala-inspector-{secrets.token_hex(4)}"
        self._outbox = outbox
        self._sent = self._refused = self._given_up = 0
        self._fault: str | None = None  # of the host, or of an upload
        self._own_fault: str | None = None  # the file's, or ours
        self._settled: int | None = None  # the upload that is sent, but not yet removed
        self._tries, self._wait = 0, _FIRST_WAIT
        self._news, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="koala-forwarder", daemon=True)

    def hops(self, via: str) -> str:
        """Return the header Via for an upload that has come with ``via``.

        Raises LoopError where we sent it: https://www.rfc-editor.org/rfc/rfc9110#name-via
        """
        passed = _HOP.findall(via)
        if self._name in passed:
            raise LoopError("--forward leads back to this inspector: the upload has been here")
        return ", ".join(f"1.1 {name}" for name in (*passed, self._name))

    def put(self, path: str, upload: Upload, authorization: str | None, hops: str) -> None:
        """Queue an upload; it is on disk when this returns."""
        self._outbox.put(path, upload.body, authorization, upload.write_key, hops)
        self._news.set()

    def stats(self) -> dict[str, Any]:
        """Return how many uploads wait, and how many were sent or not since the start."""
        return {
            "to": self.url,
            "pending": len(self._outbox),
            "sent": self._sent,
            "refused": self._refused,
            "given_up": self._outbox.given_up + self._given_up,
            "fault": self._own_fault or self._fault,
        }

    def __enter__(self) -> Forwarder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop soon; waiting uploads are sent after the next start."""
        self._stopping.set()
        self._news.set()
        self._thread.join(2)

    def _run(self) -> None:
        with requests.Session() as session:
            while True:
                self._news.clear()
                try:
                    parcel = self._next()
                    self._own_fault = None
                    if self._stopping.is_set():
                        return
                    if parcel is not None:
                        self._send(session, parcel)
                    elif not self._news.wait(_IDLE):
                        self._outbox.truncate_log()
                        self._news.wait()
                except Exception as fault:  # this thread is the only one: it survives them all
                    # Another fault's text may have a write key in it.
                    text = f": {fault}" if isinstance(fault, sqlite3.Error) else ""
                    self._own_fault = _logged(f"{type(fault).__name__}{text}", self._own_fault)
                    self._pause()
                    if self._stopping.is_set():
                        return

    def _next(self) -> Parcel | None:
        # Apart from sending: where the file is locked, this alone is tried again.
        if self._settled is not None:
            self._outbox.remove(self._settled)
            self._settled, self._tries = None, 0
        return self._outbox.first()

    def _send(self, session: requests.Session, parcel: Parcel) -> None:
        # Segment compares sentAt with its own clock to correct the events' timestamps.
        body = {**parcel.body, "sentAt": datetime.now(timezone.utc).isoformat()}
        if parcel.write_key is not None:
            body["writeKey"] = parcel.write_key
        headers = {"Via": parcel.hops}
        if parcel.authorization:
            headers["Authorization"] = parcel.authorization
        try:
            response = session.post(
                self.url + parcel.path,
                json=body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        except InvalidHeader:
            self._give_up(parcel, "its Authorization header cannot be sent")
        except requests.RequestException as fault:
            self._report(f"{type(fault).__name__}: {self.url} cannot be reached")
            self._pause()
        else:
            self._take_answer(parcel, response)

    def _take_answer(self, parcel: Parcel, response: requests.Response) -> None:
        status = response.status_code
        answered = f"{self.url} answered {status}"
        if response.ok and not response.is_redirect:
            self._sent += 1
            self._settled, self._wait = parcel.id, _FIRST_WAIT
            self._report(None)
        elif status == 429:
            self._report(answered)
            self._pause(_retry_after(response))
        elif status >= 500:
            self._tries += 1
            if self._tries == _MOST_TRIES:
                self._give_up(parcel, f"{answered} {_MOST_TRIES} times")
                return
            self._report(answered)
            self._pause(_retry_after(response))
        else:
            self._refused += 1
            self._settled, self._wait = parcel.id, _FIRST_WAIT
            self._report(answered)

    def _give_up(self, parcel: Parcel, fault: str) -> None:
        self._given_up += 1
        self._settled = parcel.id
        self._report(f"an upload was given up: {fault}")

    def _pause(self, least: float = 0.0) -> None:
        self._stopping.wait(max(least, self._wait))
        self._wait = min(self._wait * 2, _LONGEST_WAIT)

    def _report(self, fault: str | None) -> None:
        self._fault = fault and _logged(fault, self._fault)


def _logged(fault: str, before: str | None) -> str:
    if fault != before:
        _log.warning("forwarding: %s", fault)
    return fault


def _retry_after(response: requests.Response) -> float:
    seconds = response.headers.get("retry-after", "")
    return min(float(seconds), _LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() else 0.0
