"""Tell those who watch that there is something new."""

from __future__ import annotations

import asyncio


class Feed:
    """Wake every coroutine, of one event loop, that watches."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    def watch(self) -> asyncio.Event:
        """Return what will be set when there is news; take it before you look."""
        self._loop = asyncio.get_running_loop()
        return self._news

    def wake(self) -> None:
        """Tell of news, in the event loop."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """Let all who watch go, from any thread: the server stops."""
        self.closed = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.wake)
