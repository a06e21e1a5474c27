"""What the page and the commands say of a cause: a title, what to do about it, and code to copy.

Each cause has a section in docs/troubleshooting.rst, with the label ``cause-<name>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import NamedTuple

from koala_middleware.causes import Cause, remedy_of


class Advice(NamedTuple):
    """What happened, what to do about it, and code to copy."""

    title: str
    remedy: str
    snippet: str


_LOG = 'logging.getLogger("koala_middleware").addHandler(logging.StreamHandler())'
_SAID = {
    Cause.NO_MIDDLEWARE: (
        "No middleware in the process",
        "# Django\n"
        'MIDDLEWARE = ["koala_middleware.contrib.django.KoalaMiddleware", ...]\n'
        "# Flask\n"
        "app.wsgi_app = KoalaMiddleware(app.wsgi_app)\n"
        "# Starlette, FastAPI\n"
        "app.add_middleware(KoalaMiddleware)",
    ),
    Cause.NO_REQUEST: (
        "Called outside a request",
        "pool.submit(koala.carry(work), order)  # a thread\n"
        "koala_middleware.contrib.celery.instrument()  # Celery's tasks\n"
        "with koala.profile(profile_id):  # an id that you stored\n"
        "    work(order)",
    ),
    Cause.NO_COOKIE: (
        "No cookie in the request",
        'KoalaMiddleware(app, mint=koala.Mint(domain=".example.com"))',
    ),
    Cause.INVALID_COOKIE: (
        "The cookie's value is refused",
        "KoalaMiddleware(app, parse=lambda value: value or None)",
    ),
    Cause.REFUSED: (
        "Refused by the request_filter",
        "KoalaMiddleware(app, request_filter=has_consent)",
    ),
    Cause.FILTER_FAILED: ("The request_filter raised", _LOG),
    Cause.SET_BY_CALLER: (
        "Set by the caller",
        'analytics.track(user.id, "Signed Up", {"plan": "team"})',
    ),
    Cause.ADDED: ("Added under another name", "KoalaMiddleware(app)  # without property_name"),
    Cause.TOO_LARGE: (
        "Too large with the id",
        'analytics.track(user.id, "Report Exported", {"rows": len(rows)})',
    ),
    Cause.FAILED: ("The middleware failed", _LOG),
    Cause.SWITCHED_OFF: ("Switched off", "KoalaMiddleware(app, enabled=True)"),
}
CAUSES = {
    cause.value: Advice(title, remedy_of(cause), snippet)
    for cause, (title, snippet) in _SAID.items()
}

UNKNOWN = Advice(
    "Cause unknown",
    "The event does not say. Set KOALA_EXPLAIN=1 where your application runs, or the option "
    "explain, and it will.",
    "KOALA_EXPLAIN=1 python manage.py runserver",
)


def cause_of(name: str | None) -> Advice:
    """Return the advice on the cause of that name, or ``UNKNOWN``."""
    return CAUSES.get(name or "", UNKNOWN)


def link_of(name: str | None) -> str | None:
    """Return the URL of the docs' section on a cause, if the package says where its docs are."""
    section = (name if name and name in CAUSES else "unknown").replace("_", "-")
    base = _documentation()
    return base and f"{base}/troubleshooting.html#cause-{section}"


def documentation(project_urls: Iterable[str]) -> str | None:
    """Return the URL of the docs in the lines of a package's metadata."""
    urls = dict(line.split(", ", 1) for line in project_urls)
    return urls.get("Documentation", "").rstrip("/") or None


@cache
def _documentation() -> str | None:
    return documentation(metadata.metadata("koala-middleware").get_all("Project-URL") or ())
