"""The inspector's SQLite file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

# "Koal", so that no other program's file is taken for ours: https://www.sqlite.org/pragma.html
_APPLICATION_ID = 0x4B6F616C
_VERSION = 4

_SCHEMA = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    received_at REAL NOT NULL,
    timestamp REAL,  -- the message's own
    write_key TEXT,
    type TEXT, event TEXT, user_id TEXT, anonymous_id TEXT, profile_id TEXT, email TEXT,
    verdict TEXT NOT NULL, reason TEXT, hint TEXT,
    cause TEXT, call TEXT, request TEXT, koala_version TEXT, preview TEXT,
    message TEXT NOT NULL,
    folded TEXT  -- the message for a search, unless it is ASCII
);
CREATE INDEX events_profile_id ON events (profile_id);
CREATE INDEX events_verdict ON events (verdict);
CREATE INDEX events_issue ON events (verdict, reason, cause, type, event, call)
    WHERE verdict NOT IN ('accepted', 'ignored');
CREATE INDEX events_name ON events (type, event, verdict);
CREATE INDEX events_received_at ON events (received_at, verdict, timestamp);
CREATE TABLE pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    authorization TEXT,
    write_key TEXT,
    hops TEXT NOT NULL
);
"""


class ForeignFileError(ValueError):
    """The file is another program's, or another version's."""


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection to the file, created for its owner only if it is missing.

    Commits survive the end of the process, however it ends; a power failure may cost the last.
    Raises OSError or sqlite3.Error where that cannot be, ForeignFileError for a file that is not
    the inspector's.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and (application_id, version) != (_APPLICATION_ID, _VERSION):
        raise ForeignFileError(
            f"{path} is not a file of this version's inspector; choose another with --db"
        )
    path.chmod(0o600)  # also one that was here before
    # Readers do not wait for the writer: https://www.sqlite.org/wal.html
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # Pages of an index that change with each batch are written back once for many of them.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    if not tables:
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {_APPLICATION_ID}; "
            f"PRAGMA user_version = {_VERSION}; {_SCHEMA} COMMIT;"
        )
