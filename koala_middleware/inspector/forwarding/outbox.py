"""The uploads that wait to be forwarded, in the inspector's SQLite file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from koala_middleware.inspector.forwarding.claim import claim
from koala_middleware.inspector.json_text import compact
from koala_middleware.inspector.storage.database import open_database

MOST_PENDING = 10_000
MOST_BYTES = 100 << 20
_INSERT = "INSERT INTO pending (path, body, authorization, write_key, hops) VALUES (?, ?, ?, ?, ?)"
_FIRST = "SELECT id, path, body, authorization, write_key, hops FROM pending ORDER BY id LIMIT 1"


class Parcel(NamedTuple):
    """One upload: where it goes, and what is needed to send it."""

    id: int
    path: str
    body: dict[str, Any]
    authorization: str | None
    write_key: str | None
    hops: str


class Outbox:
    """A bounded queue of uploads. Thread-safe.

    Over its bounds, the oldest are given up. A write key is in the file while its upload waits,
    and is overwritten when that is removed.
    """

    def __init__(self, path: Path, most: int = MOST_PENDING, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = Lock()
        with ExitStack() as stack:
            stack.enter_context(closing(claim(path)))
            self._connection = stack.enter_context(closing(open_database(path)))
            self._connection.execute("PRAGMA secure_delete = ON")
            found = self._connection.execute("SELECT id, length(body) FROM pending ORDER BY id")
            self._sizes: dict[int, int] = dict(found.fetchall())
            self._opened = stack.pop_all()
        self._bytes = sum(self._sizes.values())
        self._closed = False
        self.given_up: int = 0

    def put(
        self,
        path: str,
        body: Mapping[str, Any],
        authorization: str | None = None,
        write_key: str | None = None,
        hops: str = "",
    ) -> None:
        """Store an upload; it is on disk when this returns."""
        text = compact(body)
        with self._lock:
            row = self._connection.execute(_INSERT, (path, text, authorization, write_key, hops))
            self._sizes[int(row.lastrowid or 0)] = len(text)
            self._bytes += len(text)
            while len(self._sizes) > self._most or self._bytes > self._most_bytes:
                self._remove(next(iter(self._sizes)))
                self.given_up += 1

    def first(self) -> Parcel | None:
        """Return the oldest upload, or None."""
        with self._lock:
            if self._closed or not self._sizes:
                return None
            number, path, text, *rest = self._connection.execute(_FIRST).fetchone()
            return Parcel(number, path, json.loads(text), *rest)

    def remove(self, number: int) -> None:
        """Forget an upload, which may have been given up meanwhile."""
        with self._lock:
            if not self._closed:  # else it is sent again after the next start
                self._remove(number)

    def truncate_log(self) -> None:
        """Empty SQLite's write-ahead log, which still has what was removed."""
        with self._lock:
            if not self._closed:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def __len__(self) -> int:
        return len(self._sizes)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._opened.close()

    def _remove(self, number: int) -> None:
        self._connection.execute("DELETE FROM pending WHERE id = ?", (number,))
        self._bytes -= self._sizes.pop(number, 0)
