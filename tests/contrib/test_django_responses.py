"""What Django's caches, copies and handlers do with a response that the middleware returned."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import call_command
from django.core.signals import request_finished
from django.db import connections
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.backends.django import DjangoTemplates
from django.template.response import TemplateResponse
from django.test import override_settings
from django.views.decorators.cache import cache_page
from werkzeug.test import create_environ

import koala_middleware as koala
from koala_middleware.contrib.django import KoalaMiddleware
from koala_middleware.contrib.django import responses as django_responses
from tests.django_site import (
    KOALA,
    Get,
    TrackingResponse,
    View,
    get_asgi,
    get_wsgi,
    serving,
    sync_view,
    ways_in,
)
from tests.redis_server import running_redis
from tests.visitors import ALICE, BOB, cookie, profile_ids, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"
SQLITE = "django.db.backends.sqlite3"


@pytest.fixture
def locmem(tmp_path: Path) -> dict[str, str]:
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}


@pytest.fixture
def file(tmp_path: Path) -> dict[str, str]:
    path = str(tmp_path / "cache")
    return {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": path}


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    database = {"default": {"ENGINE": SQLITE, "NAME": str(tmp_path / "db")}}
    monkeypatch.setattr(connections, "settings", connections.configure_settings(database))
    monkeypatch.setattr(connections, "_connections", Local(connections.thread_critical))
    backend = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "pages"}
    with override_settings(CACHES={"default": backend}):
        call_command("createcachetable")
    yield backend
    connections.close_all()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[dict[str, str]]:
    with running_redis(tmp_path) as url:
        yield {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}


def page(request: HttpRequest) -> HttpResponse:
    track("view")
    return TrackingResponse("page")


async def async_page(request: HttpRequest) -> HttpResponse:
    return page(request)


def answer(get: Get, *profile_ids: str | None) -> list[bytes]:
    return [get(**cookie(profile_id) if profile_id else {}) for profile_id in profile_ids]


def closed_by(events: Events) -> list[str | None]:
    """Return who was current in the ``close()`` of each response."""
    return [event["properties"].get("profile_id") for event in events if event["event"] == "close"]


@pytest.mark.parametrize("backend", ["locmem", "file", "db", "redis"])
@pytest.mark.parametrize("view", [page, async_page], ids=["sync", "async"])
@pytest.mark.parametrize("get", [get_wsgi, get_asgi], ids=["WSGI", "ASGI"])
def test_page_in_each_cache(
    get: Get,
    view: View,
    backend: str,
    events: Events,
    request: pytest.FixtureRequest,
) -> None:
    """A page is pickled into the cache, and closed in the name of whoever gets it."""
    caches = {"default": request.getfixturevalue(backend)}
    with serving(view, MIDDLEWARE=[UPDATE, KOALA, FETCH], CACHES=caches):
        assert answer(get, ALICE, BOB, None) == [b"page"] * 3
    assert profile_ids(events[:1]) == {"view": ALICE}
    assert closed_by(events) == [ALICE, BOB, None]


@pytest.mark.parametrize(
    ("middleware", "view"),
    [
        pytest.param([KOALA, UPDATE, FETCH], page, id="above"),
        pytest.param([KOALA, UPDATE, KOALA, FETCH, KOALA], page, id="everywhere"),
        pytest.param([KOALA], cache_page(60)(page), id="cache_page"),
        pytest.param([KOALA], cache_page(60)(async_page), id="cache_page, async"),
    ],
)
@ways_in
def test_cached_page_is_closed_in_the_name_of_whoever_gets_it(
    get: Get,
    middleware: list[str],
    view: View,
    locmem: dict[str, str],
    events: Events,
) -> None:
    with serving(view, MIDDLEWARE=middleware, CACHES={"default": locmem}):
        assert answer(get, ALICE, BOB, None) == [b"page"] * 3
    assert closed_by(events) == [ALICE, BOB, None]


@pytest.mark.parametrize(
    ("middleware", "view"),
    [
        pytest.param([UPDATE, FETCH, KOALA], page, id="per-site"),
        pytest.param([], cache_page(60)(lambda request: KoalaMiddleware(page)(request)), id="view"),
    ],
)
@ways_in
def test_cached_page_that_does_not_get_to_the_middleware_is_closed_by_nobody(
    get: Get,
    middleware: list[str],
    view: View,
    locmem: dict[str, str],
    events: Events,
) -> None:
    with serving(view, MIDDLEWARE=middleware, CACHES={"default": locmem}):
        assert answer(get, ALICE, BOB) == [b"page"] * 2
    assert closed_by(events) == [ALICE, None]


def test_close_that_takes_arguments(events: Events) -> None:
    class Response(HttpResponse):
        def close(self, event: str = "close", *, times: int = 1) -> None:
            for _ in range(times):
                track(event)
            super().close()

    respond(lambda request: Response(), ALICE).close()
    respond(lambda request: Response(), BOB).close("closed", times=2)
    assert [event["properties"]["profile_id"] for event in events] == [ALICE, BOB, BOB]
    assert profile_ids(events) == {"close": ALICE, "closed": BOB}


# Copies


def request_of(profile_id: str | None) -> Any:
    return WSGIRequest(create_environ(headers=cookie(profile_id) if profile_id else None))


def respond(view: View, profile_id: str | None) -> Any:
    return KoalaMiddleware(view)(request_of(profile_id))


def rendered(request: HttpRequest) -> HttpResponse:
    template = DjangoTemplates(
        {"NAME": "django", "DIRS": [], "APP_DIRS": False, "OPTIONS": {}}
    ).from_string("page")
    return TemplateResponse(request, template).render()


def content(response: Any) -> bytes:
    return response.getvalue() if response.streaming else response.content  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda request: HttpResponse("page"), id="HttpResponse"),
        pytest.param(lambda request: JsonResponse({}), id="JsonResponse"),
        pytest.param(lambda request: HttpResponseRedirect("/"), id="redirect"),
        pytest.param(lambda request: HttpResponseNotModified(), id="not modified"),
        pytest.param(page, id="of an application"),
        pytest.param(rendered, id="TemplateResponse"),
        pytest.param(lambda request: StreamingHttpResponse([b"pa", b"ge"]), id="stream"),
        pytest.param(lambda request: FileResponse([b"page"]), id="file without a file"),
    ],
)
@pytest.mark.parametrize(
    "copied", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy]
)
def test_response_is_copied(copied: Callable[[Any], Any], view: View, events: Events) -> None:
    """A copy is what the bare response's would be, and is closed by itself, by nobody."""
    bare, response = copied(view(request_of(ALICE))), respond(view, ALICE)
    twin = copied(response)
    assert (type(twin), twin.items(), content(twin)) == (type(bare), bare.items(), content(bare))
    twin.close()
    assert (twin.closed, response.closed) == (True, False)
    assert closed_by(events) in ([], [None])
    response.close()
    assert closed_by(events) in ([], [None, ALICE])


def test_copy_of_an_async_stream() -> None:
    """What an asynchronous stream is made of may be copied, too."""
    response = respond(lambda request: StreamingHttpResponse(Countdown()), ALICE)

    async def read(response: Any) -> bytes:
        return b"".join([chunk async for chunk in response])

    assert asyncio.run(read(copy.deepcopy(response))) == b"21"
    assert asyncio.run(read(response)) == b"21"


class Countdown:
    left = 2

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        return b"%d" % (self.left + 1)


def test_pickle_has_nothing_of_the_visitor() -> None:
    """It is for everybody; and it can be read where this package is not installed."""
    pickled = pickle.dumps(respond(lambda request: HttpResponse(), ALICE))
    assert ALICE.encode() not in pickled
    assert b"koala_middleware" not in pickled


@pytest.mark.parametrize("copied", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_request_is_copied(copied: Callable[[Any], Any]) -> None:
    """Error reporters keep requests."""
    request = request_of(ALICE)
    KoalaMiddleware(sync_view)(request)
    del request.environ["wsgi.input"], request.environ["wsgi.errors"]
    assert copied(request).META["HTTP_COOKIE"] == request.META["HTTP_COOKIE"]
    assert copied(request).koala in (None, request.koala)


@pytest.mark.parametrize("who", [ALICE, None])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "KOALA_CONTEXT": True,
            "KOALA_EMAIL": lambda request: "a@b.c",
            "KOALA_HEADER_NAME": "X-Visitor",
            "KOALA_MINT": koala.Mint(when=lambda request: True),
            "KOALA_REQUEST_FILTER": lambda request: True,
        },
    ],
    ids=["plain", "options"],
)
def test_finished_request_is_freed_at_once(
    options: dict[str, Any],
    who: str | None,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of a request is in a cycle, which would wait for the collector."""
    # Django's own receivers leave a cycle on Python 3.10: asgiref raises in a context manager.
    monkeypatch.setattr(request_finished, "receivers", [])

    def view(request: HttpRequest) -> HttpResponse:
        track("E")
        return HttpResponse()

    with override_settings(**options):
        middleware: Any = KoalaMiddleware(view)
    gc.disable()
    try:
        request = request_of(who)
        response = middleware(request)
        response.close()
        freed = [weakref.ref(request), weakref.ref(response)]
        del request, response
        assert [ref() for ref in freed] == [None, None]
    finally:
        gc.enable()


# A response that a view returns each time

SHARED = TrackingResponse("page")
minting = override_settings(KOALA_MINT=koala.Mint(when=lambda request: True))


def shared(request: HttpRequest) -> HttpResponse:
    return SHARED


def test_minted_cookie_is_not_put_on_a_shared_response() -> None:
    with minting:
        middleware: Any = KoalaMiddleware(shared)
    first, second, known = (middleware(request_of(who)) for who in (None, None, ALICE))
    assert first.cookies["ko_id"].value != second.cookies["ko_id"].value
    assert not known.cookies
    assert not SHARED.cookies
    assert not {"Vary", "Cache-Control"} & SHARED.headers.keys()
    known.close()


def test_shared_response_is_closed_in_the_name_of_each_request(events: Events) -> None:
    """Requests in other threads may be answered by it at the same time."""
    middleware: Any = KoalaMiddleware(shared)
    for _ in range(2):
        responses = [middleware(request_of(who)) for who in (ALICE, None, BOB)]
        for response in reversed(responses):
            response.close()
    assert closed_by(events) == [BOB, None, ALICE] * 2


def test_copy_of_a_shared_response_is_like_it() -> None:
    """It keeps what a TemplateResponse does not pickle; its headers and cookies are its own."""
    template: Any = rendered(request_of(ALICE))
    template.set_cookie("a", "1", samesite="Lax")
    first, second = (respond(lambda request: template, who) for who in (ALICE, BOB))
    second["X-Second"] = "yes"
    second.cookies["a"]["samesite"] = "None"
    assert (first.headers.get("X-Second"), first.cookies["a"]["samesite"]) == (None, "Lax")
    assert (type(second), second.content) == (TemplateResponse, b"page")
    assert second.template_name is template.template_name
    second.close()
    assert not first.closed


def test_shared_stream_runs_in_the_name_of_each_request(events: Events) -> None:
    """Also when it is wrapped again: whoever reads the next piece tracks as herself."""

    def pieces() -> Iterator[bytes]:
        while True:
            track("piece")
            yield b"piece"

    stream = StreamingHttpResponse(iter(pieces().__next__, None))
    for _ in range(2):
        responses = [respond(lambda request: stream, who) for who in (ALICE, BOB)]
        for response in (*responses, *responses):
            next(iter(response))
        for response in responses:
            response.close()
    ids = [event["properties"].get("profile_id") for event in events]
    assert ids == [ALICE, BOB] * 4


def test_something_else_than_a_response_passes() -> None:
    """What Django says of a view that returns None is Django's."""
    assert respond(lambda request: None, ALICE) is None


def test_classes_made_on_the_fly_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return type("Response", (HttpResponse,), {})("page")  # type: ignore[no-any-return]

    monkeypatch.setattr(django_responses, "_MOST_KINDS", 0)
    kind = weakref.ref(type(respond(view, ALICE)))
    gc.collect()
    assert kind() is None
