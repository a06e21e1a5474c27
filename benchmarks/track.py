"""A call of Segment's ``track``, which sends nothing here: bare, and with the visitor added."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from segment.analytics.client import Client

import koala_middleware as koala
from benchmarks.floor import profile_id
from benchmarks.inputs import COOKIES, PROFILE_ID, make_environ
from benchmarks.measure import Row
from koala_middleware.wsgi import KoalaMiddleware

GROUP = "track"
_PROPERTIES = {"plan": "team", "seats": 5, "trial": False}


def rows() -> Iterator[Row]:
    koala.instrument()
    client = Client("key", send=False)
    original = inspect.unwrap(Client.track)
    bare = partial(original, client)
    ours = partial(Client.track, client)

    def by_hand() -> None:
        bare("user-1", "Signed Up", {**_PROPERTIES, "profile_id": profile_id.get()})

    def in_hand() -> None:
        bare("user-1", "Signed Up", with_id)

    def nothing(
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
    ) -> Any:
        return original(client, user_id, event, properties, context, timestamp, anonymous_id)

    with_id = {**_PROPERTIES, "profile_id": PROFILE_ID}
    by_us = partial(ours, "user-1", "Signed Up", _PROPERTIES)
    hand_context = Context()
    hand_context.run(profile_id.set, PROFILE_ID)
    everything = koala.Options(
        identify=True,
        header_name="X-Koala-Profile-Id",
        email=lambda request: "ada@example.com",
        context=True,
        mint=koala.Mint(),
    )
    for name, call, context in (
        ("bare", partial(bare, "user-1", "Signed Up", _PROPERTIES), Context()),
        ("id in the dict", in_hand, Context()),
        ("by hand", by_hand, hand_context),
        (
            "a wrapper that does nothing",
            partial(nothing, "user-1", "Signed Up", _PROPERTIES),
            Context(),
        ),
        ("us, outside a request", by_us, Context()),
        ("us, inside a request", by_us, _inside()),
        ("us, with bind()", by_us, _inside(bound={"plan": "team"})),
        ("us, all options on", by_us, _inside(options=everything)),
    ):
        yield Row(GROUP, "call", name, call, context=context)


def _inside(options: koala.Options | None = None, bound: dict[str, Any] | None = None) -> Context:
    """Return the context in which an application handles a request."""
    contexts = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        koala.bind(**(bound or {}))
        contexts.append(copy_context())
        return []

    KoalaMiddleware(app, **vars(options or koala.Options()))(
        make_environ(COOKIES["small"]), lambda *_: bytearray().extend
    )
    return contexts[0]
