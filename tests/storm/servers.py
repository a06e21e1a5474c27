"""The servers: how each is started, with several workers or threads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.storm.kinds import Interface

ASGI = "tests.storm.asgi_sites:application"
WSGI = "tests.storm.wsgi_sites:application"
GUNICORN = "gunicorn --bind 127.0.0.1:{port} --keep-alive 120 --graceful-timeout 5 --workers 2"


@dataclass(frozen=True)
class Server:
    """A server, its command line, and what is different about it.

    :param packages: what is to be installed.
    :param forks_late: the application is imported before the workers are forked.
    :param without: the kinds of requests that it cannot be asked for.
    """

    interface: Interface
    command: str
    packages: tuple[str, ...]
    forks_late: bool = False
    without: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return its command line, with a ``{port}``, to be run by the Python that runs this."""
        module, *options = self.command.split()
        application = ASGI if self.interface == "asgi" else WSGI
        if module == "pyuwsgi":  # a program, not a module that can be run
            return [str(Path(sys.executable).with_name(module)), *options, application]
        return [sys.executable, "-m", module, *options, application]

    def missing(self) -> list[str]:
        """Return the packages that it needs and that are not installed."""
        return [name for name in self.packages if version_of(name) is None]

    def versions(self) -> str:
        """Return its packages with their versions."""
        return ", ".join(f"{name} {version_of(name)}" for name in self.packages)


def version_of(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


SERVERS = {
    "uvicorn": Server(
        "asgi",
        "uvicorn --host 127.0.0.1 --port {port} --workers 2 --timeout-keep-alive 120"
        " --no-access-log",
        ("uvicorn", "websockets"),
    ),
    "hypercorn": Server(
        "asgi",
        "hypercorn --bind 127.0.0.1:{port} --workers 2 --keep-alive 120",
        ("hypercorn",),
    ),
    "granian": Server(
        "asgi",
        "granian --interface asgi --host 127.0.0.1 --port {port} --workers 2"
        " --workers-kill-timeout 2",
        ("granian",),
    ),
    "daphne": Server(
        "asgi",
        "daphne -b 127.0.0.1 -p {port} -v 0",
        ("daphne",),
        # After the first of these it answers no request that fails any more (see test_found.py).
        without=("breaks",),
    ),
    "gunicorn-sync": Server("wsgi", f"{GUNICORN} --preload", ("gunicorn",), forks_late=True),
    "gunicorn-gthread": Server(
        "wsgi",
        f"{GUNICORN} --preload --worker-class gthread --threads 8",
        ("gunicorn",),
        forks_late=True,
    ),
    "gunicorn-gevent": Server(
        "wsgi",
        f"{GUNICORN} --worker-class gevent",
        ("gunicorn", "gevent"),
        # asyncio keeps its running loop by the real thread, of which all greenlets have one.
        without=("nested",),
    ),
    "waitress": Server(
        "wsgi",
        "waitress --listen=127.0.0.1:{port} --threads=8 --channel-timeout=120",
        ("waitress",),
    ),
    "uwsgi": Server(
        "wsgi",
        # Closing all connections, because it closes them whether it has said so or not.
        "pyuwsgi --http-socket 127.0.0.1:{port} --add-header Connection:close --listen 100"
        " --master --processes 2 --enable-threads --threads 8 --offload-threads 2"
        " --die-on-term --disable-logging --need-app --module",
        ("pyuwsgi",),
        forks_late=True,
    ),
    "granian-wsgi": Server(
        "wsgi",
        "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 2"
        " --blocking-threads 8 --workers-kill-timeout 2",
        ("granian",),
    ),
}

WITHOUT_WHEELS = ("daphne", "uwsgi") if sys.version_info >= (3, 15) else ()
"""The servers that this Python is too new for: pyuwsgi and Daphne's autobahn have no wheels."""
