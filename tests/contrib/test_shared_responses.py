"""Responses that answer several visitors: nothing of one of them may reach another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.test import Client

import koala_middleware as koala
from koala_middleware.contrib import flask as koala_flask
from koala_middleware.contrib.starlette import KoalaMiddleware
from tests.visitors import ALICE, cookie

pytestmark = pytest.mark.usefixtures("events")

MINT = koala.Mint(when=lambda request: True)
PAGE = b"page" * 500
FILE = Path(__file__)


def new_ids(responses: list[Any]) -> list[str | None]:
    """Return the profile id that each response sets, and check that it sets no other cookie."""
    found = []
    for response in responses:
        cookies = [v for k, v in response.headers.items() if k.lower() == "set-cookie"]
        found.append(cookies[0].partition(";")[0].removeprefix("ko_id=") if cookies else None)
        assert len(cookies) <= 1
    return found


def check(get: Any) -> None:
    """Two new visitors get an id each, a known one gets none, and so it stays."""
    responses = [get(headers) for headers in ({}, cookie(ALICE), {}, cookie(ALICE))]
    first, known, second, known_again = new_ids(responses)
    assert None not in (first, second)
    assert first != second
    assert (known, known_again) == (None, None)
    assert ALICE not in str([response.headers for response in responses])


SHARED = Response(PAGE)
SHARED_FILE = FileResponse(FILE)

STARLETTE_ROUTES: dict[str, BaseRoute] = {
    "shared": Route("/{path:path}", lambda request: SHARED),
    "shared-file": Route("/{path:path}", lambda request: SHARED_FILE),
    "new": Route("/{path:path}", lambda request: Response(PAGE)),
    "static": Mount("/", StaticFiles(directory=FILE.parent)),
}
# Starlette's GZipMiddleware itself changes the headers of a response, so it gets no shared one.
CASES = [("shared", "no"), ("shared-file", "no")]
CASES += [(kind, gzip) for kind in ("new", "static") for gzip in ("no", "above", "below")]


@pytest.mark.parametrize(("kind", "gzip"), CASES)
def test_starlette_response_of_several_visitors(kind: str, gzip: str) -> None:
    app = Starlette(routes=[STARLETTE_ROUTES[kind]])
    if gzip == "below":
        app.add_middleware(GZipMiddleware)
    app.add_middleware(KoalaMiddleware, mint=MINT)
    if gzip == "above":
        app.add_middleware(GZipMiddleware)

    def get(headers: dict[str, str]) -> Any:
        return TestClient(app).get(f"/{FILE.name}", headers=headers)

    if kind in ("shared", "new"):
        check(get)
    else:  # a cache may store it
        assert new_ids([get({}), get(cookie(ALICE)), get({})]) == [None] * 3
    for response in (SHARED, SHARED_FILE):
        assert not {"set-cookie", "cache-control", "vary"} & set(response.headers)


def test_starlette_not_modified_sets_no_cookie() -> None:
    """A shared cache adds a 304's headers to what it has stored for everybody."""
    app = Starlette(routes=[STARLETTE_ROUTES["static"]])
    app.add_middleware(KoalaMiddleware, mint=MINT)
    client = TestClient(app)
    etag = client.get(f"/{FILE.name}").headers["etag"]
    client.cookies.clear()
    response = client.get(f"/{FILE.name}", headers={"If-None-Match": etag})
    assert (response.status_code, new_ids([response])) == (304, [None])


def flask_app(view: Any) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config["KOALA_MINT"] = MINT
    app.add_url_rule("/", view_func=view, endpoint="page")
    koala_flask.Koala(app)
    return app


@pytest.fixture
def shared() -> Iterator[flask.Response]:
    response = flask.Response(PAGE)
    response.set_etag("a")
    yield response
    assert not {"Set-Cookie", "Cache-Control", "Vary"} & set(response.headers.keys())


@pytest.mark.parametrize("make", [lambda shared: shared, flask.make_response])
def test_flask_response_of_several_visitors(shared: flask.Response, make: Any) -> None:
    app = flask_app(lambda: make(shared))
    check(lambda headers: app.test_client(use_cookies=False).get("/", headers=headers))


def test_flask_not_modified_sets_no_cookie(shared: flask.Response) -> None:
    def view() -> Any:
        return flask.Response(PAGE, headers=dict(shared.headers)).make_conditional(flask.request)

    response = (
        flask_app(view).test_client(use_cookies=False).get("/", headers={"If-None-Match": '"a"'})
    )
    assert (response.status_code, new_ids([response])) == (304, [None])


@pytest.mark.parametrize("place", ["above", "below"])
def test_werkzeug_shared_data(place: str) -> None:
    """Files that middleware serves, with its ETag and ``Cache-Control: public``, set no cookie."""
    app: Any = flask.Flask(__name__).wsgi_app
    files = {"/files": str(FILE.parent)}
    if place == "below":
        app = SharedDataMiddleware(app, files)
    app = koala_flask.KoalaMiddleware(app, mint=MINT)
    if place == "above":
        app = SharedDataMiddleware(app, files)
    responses = [
        Client(app, use_cookies=False).get(f"/files/{FILE.name}", headers=headers, buffered=True)
        for headers in ({}, cookie(ALICE))
    ]
    assert [response.status_code for response in responses] == [200, 200]
    assert new_ids(responses) == [None, None]
