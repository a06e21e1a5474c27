"""Keep write keys across a restart, in two files of which neither says anything alone."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from pathlib import Path

from koala_middleware.inspector.storage.database import ForeignFileError


class Credentials:
    """Split each secret into two random shares: one in the database, one in a file beside it.

    So a database that is copied, attached to a bug report or committed holds no write key.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._pads = _read(path)
        shares = dict(connection.execute("SELECT name, share FROM shares").fetchall())
        self._secrets = {
            name: _xor(share, self._pads[name]).decode()
            for name, share in shares.items()
            if len(self._pads.get(name, b"")) == len(share)
        }
        self._names = {secret: name for name, secret in self._secrets.items()}

    def keep(self, secret: str) -> str:
        """Store a secret, if it is a new one, and return its name."""
        name = self._names.get(secret)
        if name is None:
            name, pad = secrets.token_hex(8), secrets.token_bytes(len(secret.encode()))
            _write(self._path, {**self._pads, name: pad})
            share = _xor(secret.encode(), pad)
            self._connection.execute("INSERT INTO shares VALUES (?, ?)", (name, share))
            self._pads[name] = pad
            self._secrets[name], self._names[secret] = secret, name
        return name

    def get(self, name: str) -> str | None:
        """Return a secret, or None where a share of it was lost."""
        return self._secrets.get(name)

    def __len__(self) -> int:
        return len(self._pads)

    def prune(self) -> None:
        """Forget the secrets that no pending upload needs."""
        used = {name for (name,) in self._connection.execute("SELECT credentials FROM pending")}
        for name in self._pads.keys() - used:
            self._connection.execute("DELETE FROM shares WHERE name = ?", (name,))
            del self._pads[name]
            self._names.pop(self._secrets.pop(name, ""), None)
        _write(self._path, self._pads)


def _read(path: Path) -> dict[str, bytes]:
    try:
        pads = json.loads(path.read_text("ascii"))
        return {name: bytes.fromhex(pad) for name, pad in pads.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise ForeignFileError(f"{path} is not the inspector's, or broken; remove it") from None


def _write(path: Path, pads: dict[str, bytes]) -> None:
    """Replace the file as a whole: a process may end at any time."""
    if not pads:
        path.unlink(missing_ok=True)
        return
    text = json.dumps({name: pad.hex() for name, pad in pads.items()})
    made = path.with_name(f"{path.name}.new")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    made.replace(path)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
