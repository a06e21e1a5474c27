"""The suites of web frameworks, and of what is between them and their servers."""

from __future__ import annotations

from tests.others.suite import FEW, Suite

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

# With trio they are the same tests again.
_WITHOUT_TRIO = ("-k", "not trio", "tests")

FRAMEWORKS = [
    Suite(
        "Django",
        "6.1.3",
        87,
        ("jinja2", "tblib", "docutils", "PyYAML", "Pillow"),
        tests=tuple(_DJANGO.split()),
        every=tuple(_DJANGO_EVERY.split()),
        quick=tuple(_DJANGO_QUICK.split()),
        command=("runtests.py", "--settings=koala_around_settings", "--parallel=1"),
        folder="tests",
        modes=FEW,
    ),
    Suite(
        "Flask",
        "3.1.3",
        6,
        # It imports a private name of pytest's that version 9 has no more.
        ("pytest==8.4.2", "asgiref", "greenlet", "python-dotenv"),
        quick=("tests",),
    ),
    Suite(
        "starlette",
        "1.10.0",
        18,
        (
            "pytest==9.2.0",
            "starlette[full]",
            "httpx2[zstd]",
            "blockbuster",
            "opentelemetry-sdk",
            "trio",
        ),
        tests=_WITHOUT_TRIO,
        every=("tests",),
        quick=_WITHOUT_TRIO,
    ),
    Suite(
        "fastapi",
        "0.165.0",
        80,
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
    Suite(
        "Werkzeug",
        "3.1.9",
        10,
        ("pytest==9.2.0", "cryptography", "ephemeral-port-reserve", "pytest-timeout", "watchdog"),
        # Its development servers take minutes to start and stop.
        tests=("-m", "not dev_server", "tests"),
        every=("tests",),
        quick=("tests/test_test.py", "tests/test_wrappers.py", "tests/middleware"),
    ),
    Suite(
        "falcon",
        "4.4.0",
        24,
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
        modes=FEW,
    ),
    Suite(
        "a2wsgi",
        "1.10.10",
        12,
        ("pytest==9.2.0", "pytest-asyncio==1.5.0", "httpx", "starlette", "baize"),
    ),
    Suite(
        "asgiref",
        "3.13.0",
        17,
        ("pytest==9.2.0", "pytest-asyncio==1.5.0", "packaging", "setuptools"),
    ),
    Suite("WebTest", "3.0.7", 4, ("pytest==9.2.0", "PasteDeploy", "pyquery", "WSGIProxy2")),
]
