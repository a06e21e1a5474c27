"""What ``manage.py check`` says of a project with the application installed."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import segment.analytics as analytics
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.middleware.cache import FetchFromCacheMiddleware
from django.test import override_settings
from segment.analytics.client import Client

import koala_middleware as koala
from koala_middleware.contrib.django import KoalaMiddleware

KOALA = "koala_middleware.contrib.django.KoalaMiddleware"
UPDATE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH_FROM_CACHE = "django.middleware.cache.FetchFromCacheMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
OURS = f"{__name__}.OurMiddleware"
THEIR_CACHE = f"{__name__}.TheirCacheMiddleware"


class OurMiddleware(KoalaMiddleware):
    pass


class TheirCacheMiddleware(FetchFromCacheMiddleware):
    pass


def check(*middleware: str, **settings: Any) -> str:
    """Return what the command prints: the faults, or none."""
    output = io.StringIO()
    apps = ["koala_middleware.contrib.django"]
    with override_settings(INSTALLED_APPS=apps, MIDDLEWARE=list(middleware), **settings):
        try:
            call_command("check", stdout=output, stderr=output)
        except SystemCheckError as error:
            return str(error)
    return output.getvalue()


def test_command_of_a_project(tmp_path: Path) -> None:
    """The application is imported while Django is still loading applications."""
    settings = "INSTALLED_APPS = ['koala_middleware.contrib.django']\nKOALA_ENABLED = 'no'\n"
    (tmp_path / "settings.py").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "check", "--settings=settings"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "(koala.E001) KOALA_ENABLED in the Django settings: expected True or" in done.stderr


RIGHT = [
    pytest.param([KOALA], id="alone"),
    pytest.param([COMMON, KOALA], id="below-one-that-does-neither"),
    pytest.param([OURS], id="subclass"),
    pytest.param([UPDATE_CACHE, KOALA, COMMON, FETCH_FROM_CACHE], id="per-site-cache"),
    pytest.param([KOALA, "django.middleware.cache.CacheMiddleware"], id="cache-below"),
    pytest.param(["no.where.Middleware", KOALA], id="not-importable"),
]


@pytest.mark.parametrize("middleware", RIGHT)
def test_right_middleware(middleware: list[str]) -> None:
    """Django itself reports what cannot be imported."""
    assert check(*middleware) == "System check identified no issues (0 silenced).\n"


def test_wrong_option() -> None:
    assert (
        "?: (koala.E001) KOALA_COOKIE_NAME in the Django settings: expected a cookie's name"
    ) in check(KOALA, KOALA_COOKIE_NAME="a b")


def test_unknown_option() -> None:
    assert ("?: (koala.E001) KOALA_KEY in the Django settings: no such option (rename it") in check(
        KOALA, KOALA_KEY="k"
    )


def test_missing_middleware() -> None:
    message = check(COMMON)
    assert f"?: (koala.W001) {KOALA} is not in MIDDLEWARE" in message
    assert "HINT: Add it, as close to the top as possible." in message


@pytest.mark.parametrize(
    "cache", ["django.middleware.cache.CacheMiddleware", FETCH_FROM_CACHE, THEIR_CACHE]
)
def test_middleware_below_one_that_answers_from_a_cache(cache: str) -> None:
    """A page from the cache has no visitor for an access log above, and mints none."""
    message = check(COMMON, cache, OURS)
    assert f"?: (koala.W001) {cache} in MIDDLEWARE answers from the cache" in message
    assert f"HINT: Move {OURS} above it." in message


@pytest.mark.parametrize(
    "imported",
    [
        pytest.param({"analytics": analytics}, id="module"),
        pytest.param({"track": analytics.track}, id="function"),
        pytest.param({"Client": Client}, id="class"),
        pytest.param({"client": Client("key", send=False)}, id="client"),
    ],
)
@pytest.mark.parametrize("kind", [type, lambda name, bases, body: lambda get_response: None])
def test_middleware_below_one_that_tracks(
    imported: dict[str, Any], kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("shop_audit")
    middleware = kind("Audit", (), {})
    middleware.__module__ = module.__name__
    vars(module).update(imported, Audit=middleware)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert "?: (koala.W001) shop_audit.Audit in MIDDLEWARE uses Segment's SDK" in check(
        "shop_audit.Audit", KOALA
    )
    assert "no issues" in check(KOALA, "shop_audit.Audit")


@pytest.fixture
def no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("segment", "segment.analytics", "analytics"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_sdk")
def test_no_sdk() -> None:
    message = check(KOALA)
    assert "?: (koala.W002) Segment's SDK is not installed" in message
    assert "HINT: pip install segment-analytics-python" in message


@pytest.mark.usefixtures("no_sdk")
def test_no_sdk_but_another_client() -> None:
    koala.instrument(Client)
    assert "no issues" in check(KOALA)


@pytest.mark.usefixtures("no_sdk")
def test_switched_off_project_needs_nothing() -> None:
    assert "no issues" in check(KOALA_ENABLED=False)
