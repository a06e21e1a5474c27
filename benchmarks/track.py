"""Calls of Segment's ``track`` that send nothing: bare, and with the visitor added."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from segment.analytics.client import Client

import koala_middleware as koala
from benchmarks.floor import profile_id
from benchmarks.inputs import ALL_OPTIONS, COOKIES, PROFILE_ID, make_environ
from benchmarks.rows import Row
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

    hand_context = Context()
    hand_context.run(profile_id.set, PROFILE_ID)
    yield Row(_GROUP, "bare", partial(original, client, *_ARGUMENTS))
    yield Row(_GROUP, "by hand", by_hand, hand_context)
    yield Row(_GROUP, "us, outside a request", ours)
    yield Row(_GROUP, "us", ours, _request_context(koala.Options()))
    yield Row(_GROUP, "us, all options on", ours, _request_context(ALL_OPTIONS))


def _request_context(options: koala.Options) -> Context:
    """Return the context in which an application handles a request."""
    contexts = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        contexts.append(copy_context())
        return []

    KoalaMiddleware(app, **vars(options))(make_environ(COOKIES["small"]), lambda *_: print)
    return contexts[0]
