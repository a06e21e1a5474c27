"""Name the extra that a plugin needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Say, if an import within fails, which extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"koala_middleware.contrib.{extra} needs {error.name}, which is not installed: "
            f"pip install 'koala-middleware[{extra}]'",
            name=error.name,
        ) from error
