"""The uploads that wait to be forwarded, in the inspector's SQLite file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from koala_middleware.inspector.forwarding.credentials import Credentials
from koala_middleware.inspector.json_text import compact
from koala_middleware.inspector.storage.database import open_database

MOST_PENDING = 10_000
MOST_BYTES = 100 << 20
_FEW_CREDENTIALS = 100
_FIRST = "SELECT id, path, body, credentials FROM pending ORDER BY id LIMIT 1"


class Parcel(NamedTuple):
    """Hold one upload: where it goes, and what is needed to send it."""

    id: int
    path: str
    body: dict[str, Any]
    authorization: str | None
    write_key: str | None


class Outbox:
    """Keep uploads in their order, and no more of them than its bounds; for any thread.

    Over the bounds the oldest are given up, and those whose write key was lost.
    """

    def __init__(self, path: Path, most: int = MOST_PENDING, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = Lock()
        self._connection = open_database(path)
        try:
            self._credentials = Credentials(self._connection, path.with_name(f"{path.name}.keys"))
        except BaseException:
            self._connection.close()
            raise
        self._sizes: dict[int, int] = dict(
            self._connection.execute("SELECT id, length(body) FROM pending ORDER BY id").fetchall()
        )
        self._bytes = sum(self._sizes.values())
        self._closed = False
        self.given_up = 0

    def put(
        self,
        path: str,
        body: Mapping[str, Any],
        authorization: str | None = None,
        write_key: str | None = None,
    ) -> None:
        """Store an upload; it is on disk when this returns."""
        text = compact(body)
        with self._lock:
            credentials = self._credentials.keep(json.dumps([authorization, write_key]))
            row = self._connection.execute(
                "INSERT INTO pending (path, body, credentials) VALUES (?, ?, ?)",
                (path, text, credentials),
            )
            self._sizes[int(row.lastrowid or 0)] = len(text)
            self._bytes += len(text)
            while len(self._sizes) > self._most or self._bytes > self._most_bytes:
                self._give_up(next(iter(self._sizes)))
            if len(self._credentials) > max(_FEW_CREDENTIALS, 2 * len(self._sizes)):
                self._credentials.prune()

    def first(self) -> Parcel | None:
        """Return the oldest upload, or None."""
        with self._lock:
            while not self._closed and self._sizes:
                number, path, text, name = self._connection.execute(_FIRST).fetchone()
                secret = self._credentials.get(name)
                if secret is not None:
                    return Parcel(number, path, json.loads(text), *json.loads(secret))
                self._give_up(number)
            return None

    def remove(self, number: int) -> None:
        """Forget an upload, which may be gone already."""
        with self._lock:
            if not self._closed:  # else it is sent again after the next start
                self._remove(number)

    def __len__(self) -> int:
        return len(self._sizes)

    def close(self) -> None:
        """Close the file, with no write key left in it that no upload needs."""
        with self._lock:
            self._closed = True
            self._credentials.prune()
            self._connection.close()

    def _give_up(self, number: int) -> None:
        self._remove(number)
        self.given_up += 1

    def _remove(self, number: int) -> None:
        self._connection.execute("DELETE FROM pending WHERE id = ?", (number,))
        self._bytes -= self._sizes.pop(number, 0)
