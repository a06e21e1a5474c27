"""Each framework that takes our WSGI or ASGI middleware as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import override_settings
from werkzeug.test import Client

import koala_middleware as koala
from tests.adapters import asgi_outermost, settings_for, wsgi_outermost
from tests.frameworks.sites import FRAMEWORKS, NO_LIFESPAN, WSGI, asgi_server
from tests.sites import Site
from tests.streams import EACH_CHUNK, chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

Events = list[dict[str, Any]]

pytestmark = pytest.mark.parametrize("framework", FRAMEWORKS)

Get = Callable[..., Any]


@pytest.fixture
def serve(framework: str) -> Iterator[Callable[[Site], Get]]:
    """Build a site, and return what gets its page with the headers that it is given."""
    with ExitStack() as stack:

        def serve(site: Site) -> Get:
            settings = settings_for(site) | {
                "DEBUG_PROPAGATE_EXCEPTIONS": False,
                "REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None},  # who needs a database
            }
            stack.enter_context(override_settings(**settings))
            app = FRAMEWORKS[framework](site)
            if framework in WSGI:
                client = Client(wsgi_outermost(app, site), use_cookies=False)
                return lambda **headers: client.get("/page", headers=headers)
            get = stack.enter_context(asgi_server(app, framework not in NO_LIFESPAN))
            return lambda **headers: get(asgi_outermost(app, site), headers)

        yield serve


def seen_by_outer(visitor: koala.Visitor | None) -> str | None:
    """Return whose request it was, for code outside."""
    assert visitor is not None
    return visitor.profile_id


def test_visitor_of_each_request(serve: Callable[[Site], Get], events: Events) -> None:
    site = Site(lambda: track("view"))
    get = serve(site)
    assert [get(**headers).status_code for headers in (cookie(ALICE), {}, cookie(BOB))] == [200] * 3
    assert [event["properties"].get("profile_id") for event in events] == [ALICE, None, BOB]
    assert [who for who, _ in site.after] == [None] * 3
    assert [seen_by_outer(seen) for _, seen in site.after] == [ALICE, None, BOB]


def test_streamed_body(serve: Callable[[Site], Get], events: Events) -> None:
    get = serve(Site(lambda: (chunk.encode() for chunk in chunks())))
    response = get(**cookie(ALICE))
    assert (response.get_data(as_text=True), profile_ids(events)) == ("12", EACH_CHUNK)


def test_error(serve: Callable[[Site], Get], events: Events) -> None:
    def fail() -> None:
        track("before")
        raise LookupError

    site = Site(fail)
    get = serve(site)
    status = getattr(_caught(get, **cookie(ALICE)), "status_code", 500)
    assert (status, profile_ids(events)) == (500, {"before": ALICE})
    assert [(who, seen_by_outer(seen)) for who, seen in site.after] == [(None, ALICE)]


def _caught(get: Get, **headers: str) -> Any:
    """Return the response, or the exception where a framework leaves it to the server."""
    try:
        return get(**headers)
    except LookupError as error:
        return error


def test_header_and_email(serve: Callable[[Site], Get], events: Events) -> None:
    options = {"header_name": "X-Visitor", "email": lambda request: "alice@example.com"}
    serve(Site(lambda: track("view"), options))(**{"X-Visitor": ALICE})
    assert events[0]["properties"] == {"profile_id": ALICE, "email": "alice@example.com"}


def test_minted_id_and_its_cookie(serve: Callable[[Site], Get], events: Events) -> None:
    get = serve(Site(lambda: track("view"), {"mint": koala.Mint()}))
    response = get(**{"Sec-Fetch-Dest": "document"})
    profile_id = events[0]["properties"]["profile_id"]
    assert response.headers["Set-Cookie"].strip().startswith(f"ko_id={profile_id};")


def test_request_that_is_refused(serve: Callable[[Site], Get], events: Events) -> None:
    serve(Site(lambda: track("view"), {"request_filter": lambda request: False}))(**cookie(ALICE))
    assert profile_ids(events) == {"view": None}
