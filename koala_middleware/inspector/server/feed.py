"""Signals that something is new."""

from __future__ import annotations

import asyncio


class Feed:
    """A signal for all coroutines, of one event loop, that watch."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed: bool = False

    def watch(self) -> asyncio.Event:
        """Return an event that is set at the next news; call this before looking."""
        self._loop = asyncio.get_running_loop()
        return self._news

    def wake(self) -> None:
        """Signal news, in the event loop."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """End all watching, from any thread, because the server stops."""
        self.closed = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.wake)
