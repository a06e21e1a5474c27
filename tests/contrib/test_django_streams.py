"""Django's streams and files, and what runs after a response."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.http import (
    FileResponse,
    HttpRequest,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from werkzeug.test import create_environ

from koala_middleware.contrib.django import KoalaMiddleware
from tests.django_site import (
    GZIP,
    KOALA,
    SYNCHRONOUS,
    Get,
    Serve,
    TrackingResponse,
    get_asgi,
    get_async_client,
    get_client,
    get_wsgi,
    sync_view,
    ways_in,
)
from tests.streams import EACH_CHUNK, async_chunks, chunks
from tests.visitors import ALICE, cookie, profile_ids, start_response, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]


def streaming_view(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(chunks())


async def async_streaming_view(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(async_chunks())


stacks = pytest.mark.parametrize(
    "stack",
    [
        pytest.param([KOALA], id="alone"),
        pytest.param([GZIP, KOALA], id="gzip above"),
        pytest.param([KOALA, GZIP], id="gzip below"),
        pytest.param([SYNCHRONOUS, KOALA], id="synchronous above"),
        pytest.param([KOALA, SYNCHRONOUS], id="synchronous below"),
    ],
)


@stacks
@pytest.mark.parametrize("get", [get_wsgi, get_client])
def test_stream(get: Get, stack: list[str], serve: Serve, events: Events) -> None:
    serve(streaming_view, MIDDLEWARE=stack)
    assert get(**cookie(ALICE)) == b"12"
    assert EACH_CHUNK.items() <= profile_ids(events).items()


@stacks
@pytest.mark.parametrize("get", [get_asgi, get_async_client])
def test_async_stream(get: Get, stack: list[str], serve: Serve, events: Events) -> None:
    serve(async_streaming_view, MIDDLEWARE=stack)
    assert get(**cookie(ALICE)) == b"12"
    assert EACH_CHUNK.items() <= profile_ids(events).items()


def test_gzipped_stream(serve: Serve, events: Events) -> None:
    serve(streaming_view, MIDDLEWARE=[GZIP, KOALA])
    get_wsgi(**cookie(ALICE), **{"Accept-Encoding": "gzip"})
    assert profile_ids(events) == EACH_CHUNK


def test_gzipped_async_stream(serve: Serve, events: Events) -> None:
    serve(async_streaming_view, MIDDLEWARE=[GZIP, KOALA])
    get_asgi(**cookie(ALICE), **{"Accept-Encoding": "gzip"})
    assert profile_ids(events) == EACH_CHUNK


def test_stream_under_asgi(serve: Serve, events: Events) -> None:
    serve(streaming_view)
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        assert get_asgi(**cookie(ALICE)) == b"12"
    assert profile_ids(events) == EACH_CHUNK


def test_async_stream_under_wsgi(serve: Serve, events: Events) -> None:
    serve(async_streaming_view)
    with pytest.warns(Warning, match="must consume asynchronous iterators"):
        assert get_wsgi(**cookie(ALICE)) == b"12"
    assert profile_ids(events) == EACH_CHUNK


def test_stream_that_is_left_early(serve: Serve, events: Events) -> None:
    def view(request: HttpRequest) -> HttpResponseBase:
        def content() -> Iterator[bytes]:
            try:
                yield b"1"
            finally:
                track("left")

        return StreamingHttpResponse(content())

    serve(view)
    response: Any = WSGIHandler()(create_environ(headers=cookie(ALICE)), start_response)
    assert next(iter(response)) == b"1"
    response.close()
    assert profile_ids(events) == {"left": ALICE}


def test_file_is_sent_by_the_server(serve: Serve, events: Events, tmp_path: Path) -> None:
    """Django hands a FileResponse's file to the server's file wrapper, and so may sendfile()."""
    file = tmp_path / "file.txt"
    file.write_text("content")
    responses: list[Any] = []

    def view(request: HttpRequest) -> FileResponse:
        responses.append(TrackingFileResponse(file.open("rb")))
        return responses[0]  # type: ignore[no-any-return]

    serve(view)
    environ = create_environ(headers=cookie(ALICE))
    environ["wsgi.file_wrapper"] = FileWrapper
    body: Any = WSGIHandler()(environ, start_response)
    assert isinstance(body, FileWrapper)
    assert body.filelike is responses[0].file_to_stream
    assert b"".join(body) == b"content"
    body.close()
    assert responses[0].closed
    assert profile_ids(events) == {"close": ALICE}


class TrackingFileResponse(FileResponse):
    def close(self) -> None:
        track("close")
        super().close()


def test_file_without_a_file_wrapper(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("content")
    serve(lambda request: FileResponse(file.open("rb")))
    assert get_client(**cookie(ALICE)) == b"content"
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        assert get_asgi(**cookie(ALICE)) == b"content"


# After the response


@ways_in
def test_response_close(get: Get, serve: Serve, events: Events) -> None:
    serve(lambda request: TrackingResponse())
    get(**cookie(ALICE))
    assert profile_ids(events) == {"close": ALICE}


@ways_in
def test_request_finished(get: Get, serve: Serve, events: Events) -> None:
    serve(sync_view)

    def finished(**kwargs: Any) -> None:
        track("finished")

    request_finished.connect(finished)
    try:
        get(**cookie(ALICE))
    finally:
        request_finished.disconnect(finished)
    assert profile_ids(events) == {"view": ALICE, "finished": ALICE}


def test_response_keeps_no_trace_of_its_close() -> None:
    """The wrapped close() and its response are a cycle, which would wait for the collector."""
    response: Any = KoalaMiddleware(sync_view)(HttpRequest())
    response.close()
    assert "close" not in vars(response)
