"""Why an event has no visitor, and what to do: one table for the page, the commands and the docs.

Each cause has a section in docs/troubleshooting.rst, with the label ``cause-<name>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import NamedTuple


class Cause(NamedTuple):
    """What happened, what to do about it, and code to copy."""

    title: str
    remedy: str
    snippet: str


CAUSES = {
    "no_middleware": Cause(
        "No middleware in the process",
        "Add the middleware's line for your framework, above whatever tracks.",
        "# Django\n"
        'MIDDLEWARE = ["koala_middleware.contrib.django.KoalaMiddleware", ...]\n'
        "# Flask\n"
        "app.wsgi_app = KoalaMiddleware(app.wsgi_app)\n"
        "# Starlette, FastAPI\n"
        "app.add_middleware(KoalaMiddleware)",
    ),
    "no_request": Cause(
        "Called outside a request",
        "The call runs in a thread, a job or a command. Pass the visitor on to it.",
        "pool.submit(koala.carry(work), order)  # a thread\n"
        "koala_middleware.contrib.celery.instrument()  # Celery's tasks\n"
        "with koala.profile(profile_id):  # an ID that you stored\n"
        "    work(order)",
    ),
    "no_cookie": Cause(
        "No cookie in the request",
        "The pixel had not run yet, a blocker stopped it, or the cookie has another name or "
        "domain. If the browser does send one, set cookie_name; to have an ID for visitors who "
        "have none, use mint.",
        'KoalaMiddleware(app, mint=koala.Mint(domain=".example.com"))',
    ),
    "invalid_cookie": Cause(
        "The cookie's value is refused",
        "The option parse refuses the cookie's value. By default it must be a UUID; if yours are "
        "not, set parse.",
        "KoalaMiddleware(app, parse=lambda value: value or None)",
    ),
    "refused": Cause(
        "Refused by the request_filter",
        "The request_filter returned False for the request. If it asks for consent, nothing is "
        "wrong; otherwise check what it returns.",
        "KoalaMiddleware(app, request_filter=has_consent)",
    ),
    "filter_failed": Cause(
        "The request_filter raised",
        "A filter that raises refuses the request. Fix it: the logger koala_middleware has one "
        "error with its traceback.",
        'logging.getLogger("koala_middleware").addHandler(logging.StreamHandler())',
    ),
    "set_by_caller": Cause(
        "Set by the caller",
        "The call passes a profile_id of its own, which stays, even None. Leave the key out.",
        'analytics.track(user.id, "Signed Up", {"plan": "team"})',
    ),
    "added": Cause(
        "Added under another name",
        "The option property_name is set, but Koala (Cloud) reads profile_id. Remove the option.",
        "KoalaMiddleware(app)  # without property_name",
    ),
    "too_large": Cause(
        "Too large with the ID",
        "With the ID, the event would be over Segment's 32 KB, so it was sent without. Send less "
        "in its properties.",
        'analytics.track(user.id, "Report Exported", {"rows": len(rows)})',
    ),
    "failed": Cause(
        "The middleware failed",
        "The call went out as you wrote it. The logger koala_middleware has one error with the "
        "traceback; please report it.",
        'logging.getLogger("koala_middleware").addHandler(logging.StreamHandler())',
    ),
    "switched_off": Cause(
        "Switched off",
        "The option enabled is False. Set it to True, or remove it.",
        "KoalaMiddleware(app, enabled=True)",
    ),
}

UNKNOWN = Cause(
    "Cause unknown",
    "The event does not say. Set KOALA_EXPLAIN=1 where your application runs, or the option "
    "explain, and it will.",
    "KOALA_EXPLAIN=1 python manage.py runserver",
)


def cause_of(name: str | None) -> Cause:
    """Return the cause of that name, or ``UNKNOWN``."""
    return CAUSES.get(name or "", UNKNOWN)


def link_of(name: str | None) -> str | None:
    """Return the URL of the docs' section on a cause, if the package says where its docs are."""
    section = (name if name and name in CAUSES else "unknown").replace("_", "-")
    base = _documentation()
    return base and f"{base}/troubleshooting.html#cause-{section}"


def documentation(project_urls: Iterable[str]) -> str | None:
    """Return where the docs are, of the lines in a package's metadata."""
    urls = dict(line.split(", ", 1) for line in project_urls)
    return urls.get("Documentation", "").rstrip("/") or None


@cache
def _documentation() -> str | None:
    return documentation(metadata.metadata("koala-middleware").get_all("Project-URL") or ())
