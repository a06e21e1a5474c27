"""Calls of Segment's ``track`` that send nothing: bare, and with the visitor added."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from segment.analytics.client import Client

import koala_middleware as koala
from benchmarks.floor import profile_id
from benchmarks.inputs import ALL_OPTIONS, COOKIES, PROFILE_ID, TEN_IDS, TEN_IDS_SENT, make_environ
from benchmarks.rows import Row
from koala_middleware.browser_ids import read_browser_ids
from koala_middleware.places import by_place, fill
from koala_middleware.wsgi import KoalaMiddleware

_GROUP = "track"
_PROPERTIES = {"plan": "team", "seats": 5, "trial": False}
_ARGUMENTS = ("user-1", "Signed Up", _PROPERTIES)


def rows() -> Iterator[Row]:
    koala.instrument()
    client = Client("key", send=False)
    original = inspect.unwrap(Client.track)
    ours = partial(Client.track, client, *_ARGUMENTS)

    def by_hand() -> None:
        properties = {**_PROPERTIES, "profile_id": profile_id.get()}
        original(client, "user-1", "Signed Up", properties)

    parts: dict[str, Any] = {
        "properties": {**_PROPERTIES, "profile_id": PROFILE_ID},
        "integrations": {},
    }
    fill(by_place(read_browser_ids(TEN_IDS.browser_ids, TEN_IDS_SENT, "")), parts)

    hand_context = Context()
    hand_context.run(profile_id.set, PROFILE_ID)
    yield Row(_GROUP, "bare", partial(original, client, *_ARGUMENTS))
    yield Row(_GROUP, "by hand", by_hand, hand_context)
    yield Row(
        _GROUP, "by hand, ten browser ids", partial(original, client, *_ARGUMENTS[:2], **parts)
    )
    yield Row(_GROUP, "us, outside a request", ours)
    yield Row(_GROUP, "us", ours, _request_context(koala.Options()))
    yield Row(_GROUP, "us, all options on", ours, _request_context(ALL_OPTIONS))
    yield Row(_GROUP, "us, ten browser ids", ours, _request_context(TEN_IDS, TEN_IDS_SENT))
    yield Row(_GROUP, "us, first call of a request", _first_call(ours, koala.Options()))
    yield Row(_GROUP, "us, first call with ten ids", _first_call(ours, TEN_IDS))


def _first_call(call: Callable[[], object], options: koala.Options) -> Callable[[], object]:
    """Return a function that handles a request with one call in it."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        call()
        return []

    site, environ = KoalaMiddleware(app, **vars(options)), make_environ(TEN_IDS_SENT)
    return lambda: site(environ.copy(), lambda *_: print)


def _request_context(options: koala.Options, cookies: str | None = COOKIES["small"]) -> Context:
    """Return the context in which an application handles a request."""
    contexts = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        contexts.append(copy_context())
        return []

    KoalaMiddleware(app, **vars(options))(make_environ(cookies), lambda *_: print)
    return contexts[0]
