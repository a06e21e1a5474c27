"""The Flask plugin, in real Flask applications."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import flask
import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client, create_environ

import koala_middleware as koala
from koala_middleware.contrib.flask import Koala
from tests.sites import FLASK
from tests.streams import EACH_CHUNK, chunks
from tests.visitors import ALICE, BOB, cookie, profile_ids, start_response, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]
View = Callable[[], Any]
MakeApp = Callable[..., flask.Flask]


@pytest.fixture(params=FLASK)
def make_app(request: pytest.FixtureRequest) -> MakeApp:
    """Return a function that makes an application of a view and options."""

    def make(view: View, **options: Any) -> flask.Flask:
        app = flask.Flask("site")
        app.add_url_rule("/", view_func=view, methods=["GET", "POST"])
        return FLASK[request.param](app, **options)

    return make


def get(app: flask.Flask, headers: dict[str, str] | None = None) -> str:
    """Request ``/`` through a linter, and close the response as a server does."""
    client = Client(LintMiddleware(app.wsgi_app), use_cookies=False)
    return client.get("/", headers=headers, buffered=True).text


def view() -> str:
    track("view")
    return koala.get_profile_id() or "nobody"


# Views


def test_view(make_app: MakeApp, events: Events) -> None:
    assert get(make_app(view), cookie(ALICE)) == ALICE
    assert profile_ids(events) == {"view": ALICE}


def test_view_of_nobody(make_app: MakeApp, events: Events) -> None:
    assert get(make_app(view)) == "nobody"
    assert profile_ids(events) == {"view": None}


def test_cookie_set_on_flasks_test_client(make_app: MakeApp) -> None:
    client = make_app(view).test_client()
    client.set_cookie("ko_id", BOB)
    assert client.get("/").text == BOB


def test_async_view(make_app: MakeApp, events: Events) -> None:
    async def view() -> str:
        await asyncio.sleep(0)
        track("view")
        return ""

    get(make_app(view), cookie(ALICE))
    assert profile_ids(events) == {"view": ALICE}


def test_functions_around_the_view(make_app: MakeApp, events: Events) -> None:
    app = make_app(view)
    app.before_request(lambda: track("before"))
    app.teardown_request(lambda error: track("teardown"))

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        track("after")
        return response

    get(app, cookie(ALICE))
    assert profile_ids(events) == dict.fromkeys(["before", "view", "after", "teardown"], ALICE)


def test_copy_current_request_context(make_app: MakeApp, events: Events) -> None:
    """Flask runs the teardown functions once for the copy, before the view has ended."""

    def view() -> str:
        work = flask.copy_current_request_context(lambda: track(flask.request.path))
        for copy in (work, koala.carry(work)):
            thread = threading.Thread(target=copy)
            thread.start()
            thread.join()
        track("view")
        return ""

    get(make_app(view), cookie(ALICE))
    assert [profile_ids([event]) for event in events] == [
        {"/": None},
        {"/": ALICE},
        {"view": ALICE},
    ]


# Streams


def stream() -> flask.Response:
    return flask.Response(chunks())


def stream_in_its_context() -> flask.Response:
    return flask.Response(flask.stream_with_context(chunks()))


@pytest.mark.parametrize("view", [chunks, stream, stream_in_its_context])
def test_stream(view: View, make_app: MakeApp, events: Events) -> None:
    assert get(make_app(view), cookie(ALICE)) == "12"
    assert profile_ids(events) == EACH_CHUNK


def test_stream_with_context_has_its_request(make_app: MakeApp, events: Events) -> None:
    def view() -> flask.Response:
        def content() -> Iterator[str]:
            track(flask.request.path)
            yield "1"

        return flask.Response(flask.stream_with_context(content()))

    get(make_app(view), cookie(ALICE))
    assert profile_ids(events) == {"/": ALICE}


def test_stream_that_is_left_early(make_app: MakeApp, events: Events) -> None:
    def view() -> flask.Response:
        def content() -> Iterator[str]:
            try:
                yield "1"
                yield "2"
            finally:
                track("left")

        return flask.Response(content())

    body: Any = make_app(view)(create_environ(headers=cookie(ALICE)), start_response)
    assert next(iter(body)) == b"1"
    body.close()
    assert profile_ids(events) == {"left": ALICE}


def test_body_steps_without_iter(make_app: MakeApp) -> None:
    """Flask's own body, a ClosingIterator, does, and so must what wraps it."""
    body: Any = make_app(chunks)(create_environ(headers=cookie(ALICE)), start_response)
    assert next(body) == b"1"
    body.close()


def test_call_on_close(make_app: MakeApp, events: Events) -> None:
    def view() -> flask.Response:
        response = flask.Response("")
        response.call_on_close(lambda: track("close"))
        return response

    get(make_app(view), cookie(ALICE))
    assert profile_ids(events) == {"close": ALICE}


def test_file_is_sent_by_the_server(make_app: MakeApp, tmp_path: Path) -> None:
    """The server gets its own file wrapper back, and so may call sendfile()."""
    file = tmp_path / "file.txt"
    file.write_text("content")
    environ = {**create_environ(headers=cookie(ALICE)), "wsgi.file_wrapper": FileWrapper}
    body = make_app(lambda: flask.send_file(file))(environ, start_response)
    assert isinstance(body, FileWrapper)
    assert b"".join(body) == b"content"
    body.close()


# Errors


def failing_view() -> str:
    track("view")
    raise LookupError("no such thing")


def test_error_page(make_app: MakeApp, events: Events) -> None:
    app = make_app(failing_view)

    @app.errorhandler(500)
    def server_error(error: Exception) -> tuple[str, int]:
        track("500")
        return "sorry", 500

    assert (get(app, cookie(ALICE)), get(app)) == ("sorry", "sorry")
    assert [profile_ids([event]) for event in events] == [
        {"view": ALICE},
        {"500": ALICE},
        {"view": None},
        {"500": None},
    ]


def test_environ_tells_the_view(make_app: MakeApp) -> None:
    app = make_app(lambda: flask.request.environ["koala.visitor"].profile_id)
    assert get(app, cookie(ALICE)) == ALICE


# Options


def test_request_filter_leaves_the_body_to_the_view(make_app: MakeApp) -> None:
    app = make_app(
        lambda: flask.request.form["plan"],
        request_filter=lambda request: bool(request.path == "/" and request.content_length),
    )
    response = app.test_client().post("/", data={"plan": "team"}, headers=cookie(ALICE))
    assert response.text == "team"


def greedy_filter(request: flask.Request) -> bool:
    return "plan" in request.form  # fails: the body is the view's


def test_request_filter_that_reads_the_body_means_nobody(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(view, request_filter=greedy_filter)
    assert [get(app, cookie(ALICE)), get(app, cookie(BOB))] == ["nobody", "nobody"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    assert "request_filter" in caplog.text
    assert ALICE not in caplog.text


def test_other_config_is_left_alone() -> None:
    app = flask.Flask("site")
    app.config["KOALAS"] = 3
    Koala(app)
    assert isinstance(app.extensions["koala"], Koala)
