"""The suites: other projects' own tests, as their sdists bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Extent = Literal["quick", "usual", "all"]

MODES = ("bare", "around", "inside", "cookie", "options", "mint")
"""How ours is put in: not at all, around every application, inside the framework's own stack; and
both at once with a cookie on requests that bring none, with every option, and with ``mint``."""

_FEW = ("bare", "cookie", "mint")
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Suite:
    """The tests of one version of a project."""

    name: str
    version: str
    requires: tuple[str, ...]
    """What the tests import beside the project."""
    tests: tuple[str, ...] = ("tests",)
    quick: tuple[str, ...] = ()
    """What the test command runs of them; nothing, if empty."""
    every: tuple[str, ...] = ()
    """What ``--all`` runs in place of them."""
    command: tuple[str, ...] = _PYTEST
    folder: str = "."
    modes: tuple[str, ...] = MODES
    """Those of the usual run; ``--all`` is every one."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def choice(self, extent: Extent) -> tuple[str, ...]:
        """Return the tests to run."""
        if extent == "quick":
            return self.quick
        return (extent == "all" and self.every) or self.tests

    def choice_of_modes(self, extent: Extent) -> tuple[str, ...]:
        """Return the modes to run them in."""
        return {"quick": _FEW, "usual": self.modes, "all": MODES}[extent]


_DJANGO = """
    asgi async auth_tests cache conditional_processing context_processors csrf_tests decorators
    file_storage file_uploads files flatpages_tests generic_views get_object_or_404 handlers
    httpwrappers i18n logging_tests messages_tests middleware middleware_exceptions redirects_tests
    requests_tests responses servers builtin_server sessions_tests shortcuts signed_cookies_tests
    sitemaps_tests sites_tests staticfiles_tests syndication_tests template_backends template_tests
    test_client test_client_regress urlpatterns urlpatterns_reverse view_tests wsgi
"""
_DJANGO_QUICK = """
    cache.tests.CacheHEADTest cache.tests.CacheI18nTest cache.tests.CacheMiddlewareTest
    cache.tests.CacheUtils cache.tests.TestWithTemplateResponse handlers middleware
    middleware_exceptions template_tests.test_response
"""

SUITES = [
    Suite(
        "Werkzeug",
        "3.1.9",
        ("pytest==9.2.0", "cryptography", "ephemeral-port-reserve", "pytest-timeout", "watchdog"),
        # Its development servers take minutes to start and stop.
        tests=("-m", "not dev_server", "tests"),
        every=("tests",),
        quick=("tests/test_test.py", "tests/test_wrappers.py", "tests/middleware"),
    ),
    Suite(
        "Flask",
        "3.1.3",
        # It imports a private name of pytest's that version 9 has no more.
        ("pytest==8.4.2", "asgiref", "greenlet", "python-dotenv"),
        quick=("tests",),
    ),
    Suite(
        "starlette",
        "1.10.0",
        (
            "pytest==9.2.0",
            "starlette[full]",
            "httpx2[zstd]",
            "blockbuster",
            "opentelemetry-sdk",
            "trio",
        ),
        quick=("tests",),
    ),
    Suite(
        "Django",
        "6.1.3",
        ("jinja2", "tblib", "docutils", "PyYAML", "Pillow"),
        tests=tuple(_DJANGO.split()),
        quick=tuple(_DJANGO_QUICK.split()),
        command=("runtests.py", "--settings=koala_around_settings", "--parallel=1"),
        folder="tests",
        modes=_FEW,
    ),
    Suite(
        "fastapi",
        "0.165.0",
        (
            "pytest==9.2.0",
            "pytest-timeout",
            "fastapi[all]",
            "a2wsgi",
            "anyio[trio]",
            "dirty-equals",
            "flask",
            "httpx2",
            "inline-snapshot",
            "pwdlib[argon2]",
            "pyjwt",
            "python-slugify",
            "sqlmodel",
            "strawberry-graphql",
            "typer",
            "pytest-xdist",
        ),
        # Its tutorials are the same tests over and over.
        tests=("--ignore=tests/test_tutorial", "tests"),
        every=("tests",),
        modes=_FEW,
    ),
    Suite("a2wsgi", "1.10.10", ("pytest==9.2.0", "pytest-asyncio", "httpx", "starlette", "baize")),
    Suite("asgiref", "3.13.0", ("pytest==9.2.0", "pytest-asyncio", "packaging", "setuptools")),
    Suite("WebTest", "3.0.7", ("pytest==9.2.0", "PasteDeploy", "pyquery", "WSGIProxy2")),
    Suite(
        "falcon",
        "4.4.0",
        (
            "pytest==9.2.0",
            "aiofiles",
            "cbor2",
            "httpx",
            "msgpack",
            "pyyaml",
            "requests",
            "websockets",
        ),
        # Those start one server after another.
        tests=("-m", "not slow", "--ignore=tests/asgi/test_asgi_servers.py", "tests"),
        modes=_FEW,
    ),
]

WITHOUT_TESTS = {"Quart 0.22.0": "its sdist brings no tests"}
