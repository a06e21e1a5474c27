"""The documentation: what it shows is run."""

from __future__ import annotations

import doctest
import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import segment.analytics as analytics
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from sybil import Sybil
from sybil.parsers.rest import DocTestParser, PythonCodeBlockParser
from werkzeug.test import Client

import koala_middleware as koala
from tests.visitors import ALICE, cookie, profile_ids, track

Events = list[dict[str, Any]]

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(set(DOCS.rglob("*.rst")) - set(DOCS.glob("_*/*")))
README = (ROOT / "README.rst").read_text()

sybil = Sybil([PythonCodeBlockParser(), DocTestParser(doctest.ELLIPSIS)])


def page_id(page: Path) -> str:
    return str(page.relative_to(DOCS))


pages = pytest.mark.parametrize("page", PAGES, ids=page_id)


# The pages


def run_page(page: Path, namespace: dict[str, Any]) -> None:
    """Run the code of a page."""
    document = sybil.parse(page)
    document.namespace = namespace
    for example in document:
        example.evaluate()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "frameworks.rst"],  # which tests/frameworks runs
    ids=page_id,
)
@pytest.mark.usefixtures("events")  # lest anything be sent
def test_code(page: Path, namespace: dict[str, Any]) -> None:
    run_page(page, namespace)


@pages
def test_code_is_where_it_is_found(page: Path) -> None:
    """In the blocks that are run: what stands in others would rot unseen."""
    text = page.read_text()
    assert set(re.findall(r"code-block::? ?(\w*)", text)) <= {"python", "console"}
    assert not re.findall(r"^(?!\s*\.\. ).*::$", text, re.MULTILINE)


@pytest.mark.parametrize("field", fields(koala.Options), ids=lambda field: field.name)
def test_option_is_documented_in_each_form(field: Any) -> None:
    text = (DOCS / "options.rst").read_text()
    _, _, section = text.partition(f"\n{field.name}\n{'-' * len(field.name)}\n")
    section = re.split(r"\n--+\n", section)[0]
    setting = f"KOALA_{field.name.upper()}"
    for form in (
        f"(app, {field.name}=",
        f"\n    {setting} = ",
        f'\n    app.config["{setting}"] = ',
    ):
        assert form in section


def test_public_name_is_in_the_reference() -> None:
    text = (DOCS / "api.rst").read_text()
    documented = re.findall(r"^\.\. auto\w+:: koala_middleware\.(\w+)(?!\w|\.)", text, re.MULTILINE)
    assert sorted(documented) == sorted(koala.__all__)


# The README


def get_django(code: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        track("Signed Up")
        return HttpResponse()

    urls, settings = ModuleType("urls"), dict[str, Any]()
    vars(urls)["urlpatterns"] = [path("", view)]
    exec(code, settings)
    middleware = [name for name in settings["MIDDLEWARE"] if name is not ...]
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware):
        Client(WSGIHandler(), use_cookies=False).get("/", headers=cookie(ALICE))


def get_flask(code: str) -> None:
    app = Flask(__name__)

    @app.get("/")
    def view() -> str:
        track("Signed Up")
        return ""

    exec(code, {"app": app})
    app.test_client(use_cookies=False).get("/", headers=cookie(ALICE))


def get_starlette(code: str) -> None:
    def view(request: Request) -> Response:
        track("Signed Up")
        return Response()

    app = Starlette(routes=[Route("/", view)])
    exec(code, {"app": app})
    TestClient(app).get("/", headers=cookie(ALICE))


GET = {"Django": get_django, "Flask": get_flask, "Starlette": get_starlette}
# Each Python block, by the first word of the paragraph above it.
BLOCKS = dict(
    re.findall(
        r"^(\w+)\b.*\n\n\.\. code-block:: python\n\n((?:    .*\n|\n)+)", README, re.MULTILINE
    )
)


@pytest.mark.parametrize(("framework", "get"), GET.items(), ids=GET)
def test_readme_line(framework: str, get: Callable[[str], None], events: Events) -> None:
    get(textwrap.dedent(BLOCKS[framework]))
    assert profile_ids(events) == {"Signed Up": ALICE}


def test_readme_event(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README shows what one event has without this package, and with it."""
    monkeypatch.setattr(analytics, "write_key", None)
    code = BLOCKS["their"]
    koala.instrument()
    for visitor, label in ((None, "without this package"), (ALICE, "with it")):
        with koala.profile(visitor):
            exec(textwrap.dedent(code), {"analytics": analytics})
        [shown] = re.findall(rf"# sent {label}: *(.*)", code)
        assert events.pop()["properties"] == json.loads(shown)


def test_readme_has_no_other_code() -> None:
    assert README.count("code-block:: python\n") == len(BLOCKS) == len(GET) + 1


def test_readme_leads_to_pages_that_are_there() -> None:
    targets = re.findall(r"<(\w[\w/]*\.rst)>`_", README)
    assert len(targets) > 10
    for target in targets:
        assert (ROOT / target).is_file()
