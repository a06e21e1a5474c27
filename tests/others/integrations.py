"""The suites of servers, HTTP clients and task queues that we have a plugin for."""

from __future__ import annotations

from tests.others.suite import PYTEST, Suite

# Without the folder of the sdist on sys.path, where the extension modules are not built.
_INSTALLED = ("-P", *PYTEST)

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


def _celery(paths: str) -> tuple[str, ...]:
    return (
        # For its markers. pytest-celery, which brings them, wants Docker.
        *("-p", "celery.contrib.pytest"),
        # After those, a Python before 3.12.3 crashes as it ends, by the order in which it collects
        # garbage: https://github.com/python/cpython/issues/115874
        "--ignore=t/unit/tasks/test_stamping.py",
        *(f"t/unit/{path}" for path in paths.split()),
    )


INTEGRATIONS = [
    Suite(
        "aiohttp",
        "3.14.5",
        25,
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
        command=_INSTALLED,
        is_of_a_plugin=True,
    ),
    Suite(
        "tornado",
        "6.6.1",
        13,
        ("pytest==9.2.0", "pycurl"),
        tests=("--pyargs", *(f"tornado.test.{name}_test" for name in _TORNADO.split())),
        # Those expect a new Python to start within seconds.
        every=(
            *("-k", "not AutoreloadTest and not SubprocessTest"),
            *("--pyargs", "tornado.test"),
        ),
        modes=("bare", "cookie"),
        command=_INSTALLED,
        is_of_a_plugin=True,
    ),
    Suite(
        "httpx",
        "0.28.1",
        16,
        (
            "pytest==9.2.0",
            "httpx[brotli,http2,socks,zstd]",
            "chardet==5.2.0",
            "trio",
            "trustme",
            "uvicorn",
        ),
        # When its garbage is collected decides which tests warn of what Trio left there.
        tests=(
            *("-W", "ignore::pytest.PytestUnraisableExceptionWarning"),
            *("-m", "not network", "--ignore=tests/test_main.py", "tests"),
        ),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "requests",
        "2.34.2",
        78,
        ("pytest==9.2.0", "requests[socks]", "pytest-httpbin", "httpbin", "trustme"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "celery",
        "5.7.0",
        30,
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
        tests=_celery("app/test_amqp.py app/test_app.py tasks worker/test_request.py"),
        every=_celery("app tasks worker"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
    Suite(
        "rq",
        "3.0.0",
        170,
        ("pytest==9.2.0", "psutil"),
        # Those give other processes a quarter of a second, or half a one.
        tests=(
            "--ignore=tests/test_worker_pool.py",
            "--deselect=tests/test_commands.py::TestCommands::test_stop_job_command",
            "tests",
        ),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
        needs_redis=True,
    ),
    Suite(
        "huey",
        "3.5.4",
        17,
        ("pytest==9.2.0", "redis", "peewee", "django"),
        tests=("huey/tests",),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
        needs_redis=True,
    ),
    Suite(
        "arq",
        "0.28.0",
        12,
        (
            # Later ones have no fixture named event_loop.
            "pytest==8.4.2",
            "pytest-asyncio==0.26.0",
            "arq[watch]",
            "dirty-equals",
            "msgpack",
            "pydantic",
            "pytest-mock",
            "pytest-timeout",
            "pytz",
            "tzdata",
        ),
        # It makes errors of warnings, among them of what it calls in its version of redis.
        tests=(
            *("-o", "asyncio_default_fixture_loop_scope=function"),
            *("-o", "filterwarnings=default"),
            "tests",
        ),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
        needs_redis=True,
    ),
    Suite(
        "taskiq",
        "0.13.0",
        27,
        ("pytest==9.2.0", "cbor2", "freezegun", "msgpack", "orjson", "polyfactory", "psutil"),
        # Those take the test utilities of an OpenTelemetry that is not released.
        tests=("--ignore=tests/opentelemetry", "tests"),
        modes=("bare", "cookie"),
        is_of_a_plugin=True,
    ),
]
