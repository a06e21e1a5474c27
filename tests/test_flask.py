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
import segment.analytics as analytics
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client, create_environ

import koala_middleware as koala
from koala_middleware.contrib.flask import Koala, KoalaMiddleware
from tests.visitors import ALICE, BOB, cookie, profile_ids, start_response, track

pytestmark = pytest.mark.usefixtures("events")

Events = list[dict[str, Any]]
View = Callable[[], Any]
MakeApp = Callable[..., flask.Flask]


def with_middleware(view: View, **options: Any) -> flask.Flask:
    app = flask.Flask("site")
    app.add_url_rule("/", view_func=view, methods=["GET", "POST"])
    app.wsgi_app = KoalaMiddleware(app.wsgi_app, **options)  # type: ignore[method-assign]
    return app


def with_extension(view: View, **options: Any) -> flask.Flask:
    app = flask.Flask("site")
    app.add_url_rule("/", view_func=view, methods=["GET", "POST"])
    app.config.update({f"KOALA_{name.upper()}": value for name, value in options.items()})
    Koala(app)
    return app


def with_init_app(view: View, **options: Any) -> flask.Flask:
    extension = Koala()
    app = flask.Flask("site")
    app.config.from_mapping({f"KOALA_{name.upper()}": value for name, value in options.items()})
    extension.init_app(app)
    app.add_url_rule("/", view_func=view, methods=["GET", "POST"])
    return app


@pytest.fixture(
    params=[
        pytest.param(with_middleware, id="KoalaMiddleware"),
        pytest.param(with_extension, id="Koala(app)"),
        pytest.param(with_init_app, id="init_app"),
    ]
)
def make_app(request: pytest.FixtureRequest) -> MakeApp:
    """Return a function that makes an application of a view and options."""
    make: MakeApp = request.param
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


def test_every_way_to_track(make_app: MakeApp, events: Events, sign_up: Callable[[], Any]) -> None:
    def view() -> str:
        sign_up()
        return ""

    get(make_app(view), cookie(ALICE))
    assert profile_ids(events) == {"Signed Up": ALICE}
    assert events[0]["userId"] == "u1"


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


def chunks() -> Iterator[str]:
    track("chunk 1")
    yield "1"
    track("chunk 2")
    yield "2"
    track("end")


EACH_CHUNK = {"chunk 1": ALICE, "chunk 2": ALICE, "end": ALICE}


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


def test_exception_passes_unchanged(make_app: MakeApp) -> None:
    error = LookupError()

    def view() -> str:
        raise error

    app = make_app(view)
    app.testing = True
    with pytest.raises(LookupError) as raised:
        get(app, cookie(ALICE))
    assert raised.value is error
    assert koala.current_visitor() is None


def test_environ_tells_an_outer_error_handler(make_app: MakeApp) -> None:
    app = make_app(failing_view)
    app.testing = True
    environ = create_environ(headers=cookie(ALICE))
    with pytest.raises(LookupError):
        app(environ, start_response)
    assert environ["koala.visitor"].profile_id == ALICE


def test_environ_tells_the_view(make_app: MakeApp) -> None:
    app = make_app(lambda: flask.request.environ["koala.visitor"].profile_id)
    assert get(app, cookie(ALICE)) == ALICE


# Options


def test_option_cookie_name(make_app: MakeApp) -> None:
    app = make_app(view, cookie_name="vid")
    assert get(app, {"Cookie": f"ko_id={BOB}; vid={ALICE}"}) == ALICE


def test_option_property_name(make_app: MakeApp, events: Events) -> None:
    get(make_app(view, property_name="koala_id"), cookie(ALICE))
    assert events[0]["properties"] == {"koala_id": ALICE}


def test_option_parse(make_app: MakeApp) -> None:
    assert get(make_app(view, parse=str.upper), cookie(ALICE)) == ALICE.upper()


def test_option_anonymous_id_cookie(make_app: MakeApp, events: Events) -> None:
    def view() -> str:
        analytics.track(event="Signed Up")
        return ""

    app = make_app(view, anonymous_id_cookie="anon")
    get(app, {"Cookie": "ajs_anonymous_id=a1; anon=a2"})
    assert events[0]["anonymousId"] == "a2"


def has_consent(request: flask.Request) -> bool:
    return isinstance(request, flask.Request) and request.cookies.get("consent") == "yes"


def test_option_request_filter(make_app: MakeApp) -> None:
    app = make_app(view, request_filter=has_consent)
    assert get(app, {"Cookie": f"ko_id={ALICE}; consent=yes"}) == ALICE
    assert get(app, {"Cookie": f"ko_id={ALICE}; consent=no"}) == "nobody"


def test_request_filter_leaves_the_body_to_the_view(make_app: MakeApp) -> None:
    app = make_app(
        lambda: flask.request.form["plan"],
        request_filter=lambda request: bool(request.path == "/" and request.content_length),
    )
    response = app.test_client().post("/", data={"plan": "team"}, headers=cookie(ALICE))
    assert response.text == "team"


def broken_filter(request: flask.Request) -> bool:
    raise LookupError(request.headers["Cookie"])


def greedy_filter(request: flask.Request) -> bool:
    return "plan" in request.form  # fails: the body is the view's


@pytest.mark.parametrize("request_filter", [broken_filter, greedy_filter])
def test_failing_request_filter_means_nobody(
    request_filter: object, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(view, request_filter=request_filter)
    assert [get(app, cookie(ALICE)), get(app, cookie(BOB))] == ["nobody", "nobody"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("koala_middleware", logging.ERROR)
    assert "request_filter" in caplog.text
    assert ALICE not in caplog.text


async def async_filter(request: flask.Request) -> bool:
    return True


wrong_options = pytest.mark.parametrize(
    ("option", "value", "expected", "error"),
    [
        pytest.param("cookie_name", "a b", "a cookie's name", ValueError, id="cookie name"),
        pytest.param("cookie_name", None, "a cookie's name", TypeError, id="no cookie name"),
        pytest.param("property_name", "", "a property's name", ValueError, id="property name"),
        pytest.param("parse", "str.upper", "a callable", TypeError, id="parse a text"),
        pytest.param("request_filter", True, "a callable", TypeError, id="filter a boolean"),
        pytest.param("request_filter", async_filter, "a callable", TypeError, id="async filter"),
        pytest.param("anonymous_id_cookie", 7, "a cookie's name", TypeError, id="anonymous id"),
    ],
)


@wrong_options
def test_wrong_option(option: str, value: object, expected: str, error: type[Exception]) -> None:
    """It fails when the middleware is built, and says which, what was expected and what came."""
    with pytest.raises(error) as raised:
        with_middleware(view, **{option: value})
    assert str(raised.value).startswith(f"option {option}: expected {expected}")
    assert str(raised.value).endswith(f"got {value!r}")


@wrong_options
@pytest.mark.parametrize("make_app", [with_extension, with_init_app])
def test_wrong_config(
    make_app: MakeApp, option: str, value: object, expected: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        make_app(view, **{option: value})
    assert str(raised.value).startswith(
        f"KOALA_{option.upper()} in app.config: expected {expected}"
    )
    assert str(raised.value).endswith(f"got {value!r}")


def test_unknown_option() -> None:
    with pytest.raises(TypeError, match=r"option cookie_nmae: .*did you mean cookie_name\?"):
        with_middleware(view, cookie_nmae="ko_id")


def test_unknown_config() -> None:
    with pytest.raises(
        TypeError, match=r"KOALA_COOKIE_NMAE in app.config: .*did you mean KOALA_COOKIE_NAME\?"
    ):
        with_extension(view, cookie_nmae="ko_id")


def test_other_config_is_left_alone() -> None:
    app = flask.Flask("site")
    app.config["KOALAS"] = 3
    Koala(app)
    assert isinstance(app.extensions["koala"], Koala)
