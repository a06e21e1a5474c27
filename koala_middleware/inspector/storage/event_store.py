"""Messages on disk, and queries for them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock
from typing import Any
from uuid import uuid4

from koala_middleware.inspector.explanation import without_explanation
from koala_middleware.inspector.json_text import compact, encodable
from koala_middleware.inspector.refusals import RefusedUpload
from koala_middleware.inspector.storage.database import open_database
from koala_middleware.inspector.storage.overview import COLUMNS, Series, overview
from koala_middleware.inspector.storage.search import Condition, as_stored, folded, like, search
from koala_middleware.inspector.storage.summary import Summary, summarize, summarize_refusal

DEFAULT_KEEP = 100_000
_COLUMNS = ("id", "message_id", "received_at", "write_key", *Summary._fields)
_STORED = (*_COLUMNS[1:], "message", "folded")
_INSERT = f"""
    INSERT INTO events ({", ".join(_STORED)}) VALUES ({", ".join("?" * len(_STORED))})
    ON CONFLICT (message_id) DO NOTHING
"""


@dataclass(frozen=True)
class Filter:
    """Which messages to choose.

    ``text`` may be anywhere in a message, in any case; ``q`` is a search: see ``search.py``.
    """

    verdict: str | None = None
    profile_id: str | None = None
    text: str | None = None
    q: str | None = None
    after: int | None = None
    before: int | None = None

    def where(self) -> Condition:
        """Return an SQL condition and its parameters."""
        conditions: list[Condition] = [
            (condition, [value])
            for condition, value in (
                ("verdict = ?", self.verdict),
                ("profile_id = ?", self.profile_id),
                (r"message LIKE ? ESCAPE '\'", self.text and like(as_stored(self.text))),
                ("id > ?", self.after),
                ("id < ?", self.before),
            )
            if value is not None and value != ""
        ]
        conditions += search(self.q or "")
        clause = " AND ".join(condition for condition, _ in conditions)
        return clause or "TRUE", [value for _, values in conditions for value in values]


class EventStore:
    """The newest messages in an SQLite file, each ``messageId`` once. Thread-safe."""

    def __init__(self, path: Path, keep: int = DEFAULT_KEEP) -> None:
        self.path = path
        self._keep = keep
        self._writing, self._reading = Lock(), RLock()
        self._writer = open_database(path)
        self._reader = open_database(path)
        self.clearings: int = 0

    def add(self, messages: Iterable[dict[str, Any]], write_key: str | None = None) -> int:
        """Store messages, on disk when this returns, and return how many of them are new."""
        now, masked = time.time(), mask(write_key)
        rows = []
        for sent in messages:
            message, explanation = without_explanation(sent)
            summary = summarize(message, explanation)
            number, text = encodable(message["messageId"]), compact(message)
            rows.append((number, now, masked, *summary, text, _folded(text)))
        return self._insert(rows)

    def add_refusal(self, refused: RefusedUpload) -> None:
        """Store a row for an upload that was refused."""
        message = compact({"refused_upload": refused._asdict()})
        summary = summarize_refusal(refused)
        self._insert([(str(uuid4()), time.time(), None, *summary, message, _folded(message))])

    def _insert(self, rows: Sequence[tuple[object, ...]]) -> int:
        with self._writing, self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            before = self._writer.total_changes
            self._writer.executemany(_INSERT, rows)
            added = self._writer.total_changes - before
            self._writer.execute(
                "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (self._keep,)
            )
        return added

    def rows(self, chosen: Filter, limit: int) -> list[dict[str, Any]]:
        """Return what is listed of the chosen messages, newest first, or ``after`` one oldest."""
        found = self._find(_COLUMNS, chosen, limit)
        return [dict(zip(_COLUMNS, row, strict=True)) for row in found]

    def messages(self, chosen: Filter, limit: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return the chosen messages themselves, too."""
        found = self._find((*_COLUMNS, "message"), chosen, limit)
        return [(dict(zip(_COLUMNS, row[:-1], strict=True)), json.loads(row[-1])) for row in found]

    def newest(self) -> int:
        """Return the number of the newest message, also of one that was cleared since."""
        found = self._read("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return int(found[0][0]) if found else 0

    def count(self, chosen: Filter) -> int:
        """Return how many messages are chosen."""
        where, values = chosen.where()
        ((count,),) = self._read(f"SELECT count(*) FROM events WHERE {where}", values)
        return int(count)

    def overview(self, chosen: Filter, series: Series) -> dict[str, Any]:
        """Return what is counted of the chosen messages: totals, a series, issues, names."""
        where, values = chosen.where()
        with self._reading:
            if chosen.text or chosen.q:  # look once at the messages, instead of once per number
                self._read("DROP TABLE IF EXISTS temp.chosen")
                select = f"SELECT {', '.join(COLUMNS)} FROM events WHERE {where}"
                self._read(f"CREATE TEMP TABLE chosen AS {select}", values)
                return overview(self._read, "FROM chosen WHERE TRUE", [], series)
            return overview(self._read, f"FROM events WHERE {where}", values, series)

    def number_of(self, message_id: str) -> int:
        """Return the number of a message that is stored."""
        ((number,),) = self._read("SELECT id FROM events WHERE message_id = ?", [message_id])
        return int(number)

    def clear(self) -> int:
        """Forget all messages, and return how many there were."""
        with self._writing:
            self.clearings += 1
            return self._writer.execute("DELETE FROM events").rowcount

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def _find(self, columns: Iterable[str], chosen: Filter, limit: int) -> list[Any]:
        where, values = chosen.where()
        order = "DESC" if chosen.after is None else "ASC"
        sql = f"SELECT {', '.join(columns)} FROM events WHERE {where} ORDER BY id {order} LIMIT ?"
        return self._read(sql, [*values, limit])

    def _read(self, sql: str, values: Iterable[object] = ()) -> list[Any]:
        with self._reading, closing(self._reader.execute(sql, tuple(values))) as found:
            return found.fetchall()


def mask(write_key: str | None) -> str | None:
    """Return the beginning of a write key, to distinguish it from others."""
    if write_key is None:
        return None
    return encodable(f"{write_key[:3]}…") if len(write_key) >= 12 else "…"


def _folded(text: str) -> str | None:
    # SQLite's LIKE ignores the case of ASCII by itself.
    return None if text.isascii() else folded(text)
