"""The kinds of requests, and the events that each of them owes."""

from __future__ import annotations

from typing import Literal

Interface = Literal["wsgi", "asgi"]

CHUNKS = {"stream": 4, "threadstream": 4, "breaks": 2, "hangup": 8}
"""The bodies that come in pieces, and in how many; the server is to fail after those of breaks."""

CHUNK_SIZE = {"stream": 512, "threadstream": 512, "breaks": 512, "hangup": 256 << 10}
"""In bytes. Those of hangup do not fit into the sockets' buffers, so the server has to wait."""

MESSAGES = 3  # of a websocket
POOLED = 3  # calls in a thread pool
UNCARRIED = "uncarried"  # one more there, without carry(): it is nobody's
NESTED = ("sync", "async", "innermost")


def _pieces(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}{number}" for number in range(count))


PARTS: dict[str, tuple[str, ...]] = {
    "plain": ("view",),
    # A track call with properties alone, as Koala documents for visitors who are not signed in.
    "anonymous": ("view",),
    # A view that is a plain function, where the others are coroutine functions.
    "thread": ("view",),
    "file": ("view",),
    "fails": ("view",),
    # An error page of the application's own, which tracks an event, too.
    "errorpage": ("view", "page"),
    "background": ("view", "later"),
    "pool": ("view", *_pieces("pool", POOLED), UNCARRIED),
    "nested": ("view", *NESTED),
    "websocket": ("connect", *_pieces("message", MESSAGES), "disconnect"),
    **{body: ("view", *_pieces("chunk", count), "close") for body, count in CHUNKS.items()},
}
"""The events of each kind: each is to arrive once, and with its own visitor, or with nobody.

Of a client that hangs up, these are owed: the view's, those of the chunks that the client got
and, under WSGI, that of ``close()``, which a server must call whatever happens (PEP 3333). The
server may have produced more chunks, and an ASGI server may cancel the application where it is.
"""

_EVERYWHERE = (
    "plain", "plain", "plain", "anonymous", "stream", "stream", "background", "pool", "nested",
    "breaks", "hangup",
)  # fmt: skip

MIX: dict[Interface, dict[str, tuple[str, ...]]] = {
    "wsgi": {
        "bare": (*_EVERYWHERE, "file", "fails"),
        "flask": (*_EVERYWHERE, "file", "errorpage"),
        "django": (*_EVERYWHERE, "file", "errorpage"),
    },
    "asgi": {
        "bare": (*_EVERYWHERE, "fails", "websocket"),
        "starlette": (*_EVERYWHERE, "file", "errorpage", "websocket", "thread", "threadstream"),
        "django": (*_EVERYWHERE, "file", "errorpage", "thread"),
    },
}
"""What each application is asked for: as often as it stands here."""
