"""The suites: other projects' own tests, as their sdists bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Extent = Literal["quick", "usual", "all"]

MODES = ("bare", "around", "inside", "cookie", "options", "mint")
"""How ours is put in: not at all, around every application, inside the framework's own stack; and
both at once with a cookie on requests that bring none, with every option, and with ``mint``.

In task queues and HTTP clients our plugin is around, and a cookie means a visitor for each test.
"""

_FEW = ("bare", "cookie", "mint")
_OF_PLUGINS = ("bare", "around", "cookie")
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
# Without the folder of the sdist on sys.path, where the extension modules are not built.
_PYTEST_OF_INSTALLED = ("-P", *_PYTEST)


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
    modes: tuple[str, ...] = ()
    """Those of the usual run, if not all."""
    is_of_a_plugin: bool = False
    """Whether it is of a task queue, a client, or a server that we have a plugin for."""
    needs_redis: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    def choice(self, extent: Extent) -> tuple[str, ...]:
        """Return the tests to run."""
        if extent == "quick":
            return self.quick
        return (extent == "all" and self.every) or self.tests

    def choice_of_modes(self, extent: Extent) -> tuple[str, ...]:
        """Return the modes to run them in."""
        every = _OF_PLUGINS if self.is_of_a_plugin else MODES
        return {"quick": _FEW, "usual": self.modes or every, "all": every}[extent]


_DJANGO = """
    asgi async cache conditional_processing csrf_tests decorators file_uploads handlers httpwrappers
    messages_tests middleware middleware_exceptions requests_tests responses servers builtin_server
    sessions_tests shortcuts signed_cookies_tests tasks test_client test_client_regress wsgi
"""
_DJANGO_EVERY = """
    asgi async auth_tests cache conditional_processing context_processors csrf_tests decorators
    file_storage file_uploads files flatpages_tests generic_views get_object_or_404 handlers
    httpwrappers i18n logging_tests messages_tests middleware middleware_exceptions redirects_tests
    requests_tests responses servers builtin_server sessions_tests shortcuts signed_cookies_tests
    sitemaps_tests sites_tests staticfiles_tests syndication_tests tasks template_backends
    template_tests test_client test_client_regress urlpatterns urlpatterns_reverse view_tests wsgi
"""
_DJANGO_QUICK = """
    cache.tests.CacheHEADTest cache.tests.CacheI18nTest cache.tests.CacheMiddlewareTest
    cache.tests.CacheUtils cache.tests.TestWithTemplateResponse handlers middleware
    middleware_exceptions template_tests.test_response
"""

_AIOHTTP = "client_middleware web_app web_exceptions web_middleware web_websocket_functional"
_AIOHTTP_EVERY = f"""
    {_AIOHTTP} classbasedview client_functional client_middleware_digest_auth client_ws_functional
    test_utils tracing web_functional web_log web_request web_response web_runner
    web_sendfile_functional web_server
"""
_TORNADO = "circlerefs gen httpserver routing web websocket wsgi"


def _aiohttp(names: str) -> tuple[str, ...]:
    markers = "not dev_mode and not autobahn and not internal"
    return ("-o", "addopts=", "-m", markers, *(f"tests/test_{name}.py" for name in names.split()))


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
        # With trio they are the same tests again.
        quick=("-k", "not trio", "tests"),
        modes=_FEW,
    ),
    Suite(
        "Django",
        "6.1.3",
        ("jinja2", "tblib", "docutils", "PyYAML", "Pillow"),
        tests=tuple(_DJANGO.split()),
        every=tuple(_DJANGO_EVERY.split()),
        quick=tuple(_DJANGO_QUICK.split()),
        command=("runtests.py", "--settings=koala_around_settings", "--parallel=1"),
        folder="tests",
        modes=("bare", "cookie"),
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
        # Its tutorials are the same tests over and over, and its telemetry starts Pythons.
        tests=("--ignore=tests/test_tutorial", "--ignore=tests/test_telemetry", "tests"),
        every=("tests",),
        modes=("bare", "cookie"),
    ),
    Suite("a2wsgi", "1.10.10", ("pytest==9.2.0", "pytest-asyncio", "httpx", "starlette", "baize")),
    Suite("asgiref", "3.13.0", ("pytest==9.2.0", "pytest-asyncio", "packaging", "setuptools")),
    Suite("WebTest", "3.0.7", ("pytest==9.2.0", "PasteDeploy", "pyquery", "WSGIProxy2")),
    Suite(
        "falcon",
        "4.4.0",
        (
            # Later ones use os.fstat() while it is patched.
            "pytest==8.4.2",
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
    Suite(
        "aiohttp",
        "3.14.5",
        (
            "pytest==9.2.0",
            "blockbuster",
            "freezegun",
            "isal",
            "proxy.py",
            "pytest-codspeed",
            "pytest-cov",
            "pytest-mock",
            "pytest-timeout",
            "pytest-xdist",
            "trustme",
            "zlib_ng",
        ),
        # The others are about what is below or above ours, and test_client_session's requests are
        # mocks without headers.
        tests=_aiohttp(_AIOHTTP),
        every=_aiohttp(_AIOHTTP_EVERY),
        modes=("bare", "cookie"),
        command=_PYTEST_OF_INSTALLED,
        is_of_a_plugin=True,
    ),
    Suite(
        "httpx",
        "0.28.1",
        (
            "pytest==9.2.0",
            "httpx[brotli,http2,socks,zstd]",
            "chardet==5.2.0",
            "trio",
            "trustme",
            "uvicorn",
        ),
        tests=("-m", "not network", "--ignore=tests/test_main.py", "tests"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "requests",
        "2.34.2",
        ("pytest==9.2.0", "requests[socks]", "pytest-httpbin", "httpbin", "trustme"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "tornado",
        "6.6.1",
        ("pytest==9.2.0", "pycurl"),
        tests=("--pyargs", *(f"tornado.test.{name}_test" for name in _TORNADO.split())),
        # Those expect a new Python to start within seconds.
        every=(
            *("-k", "not AutoreloadTest and not SubprocessTest"),
            *("--pyargs", "tornado.test"),
        ),
        modes=("bare", "cookie"),
        command=_PYTEST_OF_INSTALLED,
        is_of_a_plugin=True,
    ),
    Suite(
        "rq",
        "3.0.0",
        ("pytest==9.2.0", "psutil"),
        # It gives new processes half a second.
        tests=("--ignore=tests/test_worker_pool.py", "tests"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
        needs_redis=True,
    ),
    Suite(
        "celery",
        "5.7.0",
        (
            "pytest==9.2.0",
            "cryptography",
            "gevent",
            "msgpack",
            "pydantic",
            "pymemcache",
            "pyyaml",
            "redis",
            "sqlalchemy",
            "tblib",
            "boto3",
            "fakeredis[lua]",
            "freezegun",
            "moto",
            "pytest-click",
            "pytest-order",
            "pytest-rerunfailures",
            "pytest-subtests",
            "pytest-timeout",
        ),
        # After those of stamping, Python 3.12 crashes as it ends, in itertools.tee().
        tests=(
            "--ignore=t/unit/tasks/test_stamping.py",
            *("t/unit/app", "t/unit/tasks", "t/unit/worker"),
        ),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "huey",
        "3.5.4",
        ("pytest==9.2.0", "redis", "peewee", "django"),
        tests=("huey/tests",),
        is_of_a_plugin=True,
        needs_redis=True,
    ),
]

_NO_TESTS = "its sdist brings no tests"
WITHOUT_TESTS = {
    "Quart 0.22.0": _NO_TESTS,
    "django-tasks 0.12.0": _NO_TESTS,
    "dramatiq 2.2.1": "its sdist leaves out their conftest.py",
}
