"""What checks a WSGI application sees nothing wrong, around the middleware and in it."""

from __future__ import annotations

import warnings
import wsgiref.validate
from collections.abc import Callable
from typing import Any

import pytest
import werkzeug.middleware.lint
from django.test import override_settings
from werkzeug.test import run_wsgi_app

import koala_middleware.wsgi
from koala_middleware import Mint
from tests.adapters import WSGI, Site, settings_for
from tests.serving import environ_of
from tests.sites import flask_site
from tests.visitors import ALICE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # WebOb imports the deprecated cgi
    import webtest.lint

Wrap = Callable[[Any], Any]

LINTS = [
    pytest.param(wsgiref.validate.validator, id="wsgiref"),
    pytest.param(webtest.lint.middleware, id="WebTest"),
    pytest.param(werkzeug.middleware.lint.LintMiddleware, id="Werkzeug"),
]
OPTIONS: list[dict[str, Any]] = [{}, {"context": True, "mint": Mint(when=bool)}]


def visit(app: Any) -> bytes:
    body, status, _ = run_wsgi_app(app, environ_of(cookie=f"ko_id={ALICE}"))
    content = b"".join(body)
    body.close()  # type: ignore[attr-defined]
    assert status.startswith("200")
    return content


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "options"])
@pytest.mark.parametrize("lint", LINTS)
@pytest.mark.parametrize("adapter", WSGI)
def test_lint_around_the_middleware_passes(
    adapter: str, lint: Wrap, options: dict[str, Any]
) -> None:
    site = Site(bool, options, sets=[("Content-Type", "text/plain")])
    with override_settings(**settings_for(site)):
        assert visit(lint(WSGI[adapter](site))) == b"fine"


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "options"])
@pytest.mark.parametrize("lint", LINTS)
def test_lint_in_the_middleware_passes(lint: Wrap, options: dict[str, Any]) -> None:
    """A key without a dot in the environ must be a str (PEP 3333): ours is none."""
    app = flask_site(Site(bool))
    assert visit(koala_middleware.wsgi.KoalaMiddleware(lint(app), **options)) == b"fine"
