"""One process forwards from a file: two would send each upload twice."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class ClaimedError(ValueError):
    """Another process forwards from this file."""


def claim(path: Path) -> sqlite3.Connection:
    """Return a connection that holds the claim on a file until it is closed, or the process ends.

    SQLite's own lock, on an empty file beside the other, works on every system; the other file
    stays free for those who read and write events.
    """
    beside = path.with_name(f"{path.name}.forwarding")
    os.close(os.open(beside, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(beside, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise ClaimedError(
            f"another inspector forwards from {path}; choose another file with --db"
        ) from None
    return connection
