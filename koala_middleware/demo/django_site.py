"""A Django site. What the middleware needs is one entry in ``MIDDLEWARE``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import segment.analytics as analytics
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

settings.configure(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["koala_middleware.contrib.django.KoalaMiddleware"],
    KOALA_EXPLAIN=True,
)
analytics.write_key = "YOUR_WRITE_KEY"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Django site</title>
<h1>Django site</h1>
<form method="post" action="sign-up"><button>Sign up</button></form>
<form method="post" action="upgrade"><button>Upgrade the plan</button></form>
<form method="post" action="export"><button>Export the report</button></form>
"""


def home(request: HttpRequest) -> HttpResponse:
    """Show the buttons."""
    return HttpResponse(PAGE)


@require_POST
def sign_up(request: HttpRequest) -> HttpResponse:
    """Track in a view."""
    analytics.track("user-1", "Signed Up", {"plan": "free", "ref": request.GET.get("ref")})
    return HttpResponse("Welcome!\n", content_type="text/plain")


@require_POST
async def upgrade(request: HttpRequest) -> HttpResponse:
    """Track in an async view."""
    await asyncio.sleep(0.01)  # the payment
    analytics.track("user-1", "Plan Upgraded", {"plan": "team", "ref": request.GET.get("ref")})
    return HttpResponse("You are on the team plan.\n", content_type="text/plain")


@require_POST
async def export(request: HttpRequest) -> StreamingHttpResponse:
    """Track while the body is streamed, after the view has returned."""

    async def rows() -> AsyncIterator[str]:
        yield "month,visits\n"
        await asyncio.sleep(0.01)  # the database
        yield "May,1024\n"
        analytics.track("user-1", "Report Exported", {"rows": 1, "ref": request.GET.get("ref")})

    return StreamingHttpResponse(rows(), content_type="text/csv")


urlpatterns: list[URLPattern] = [
    path("", home),
    path("sign-up", sign_up),
    path("upgrade", upgrade),
    path("export", export),
]
application: ASGIHandler = get_asgi_application()
