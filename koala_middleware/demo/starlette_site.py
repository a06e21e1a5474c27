"""A Starlette site. What the middleware needs is the line ``app.add_middleware(…)``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import segment.analytics as analytics
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from koala_middleware.contrib.starlette import KoalaMiddleware

analytics.write_key = "YOUR_WRITE_KEY"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Starlette site</title>
<h1>Starlette site</h1>
<form method="post" action="project"><button>Create a project</button></form>
<form method="post" action="invoice"><button>Pay the invoice</button></form>
<form method="post" action="import"><button>Import contacts</button></form>
<form method="post" action="invite"><button>Invite a teammate</button></form>
"""


async def home(request: Request) -> HTMLResponse:
    """Show the buttons."""
    return HTMLResponse(PAGE)


async def project(request: Request) -> PlainTextResponse:
    """Track in an endpoint."""
    analytics.track("user-1", "Project Created", {"ref": request.query_params.get("ref")})
    return PlainTextResponse("Your project is ready.\n")


def invoice(request: Request) -> PlainTextResponse:
    """Track in an endpoint that Starlette runs in a worker thread."""
    analytics.track("user-1", "Invoice Paid", {"ref": request.query_params.get("ref")})
    return PlainTextResponse("Paid.\n")


async def import_contacts(request: Request) -> StreamingResponse:
    """Track while the body is streamed, after the endpoint has returned."""

    async def progress() -> AsyncIterator[str]:
        yield "half of them\n"
        await asyncio.sleep(0.01)  # the database
        analytics.track("user-1", "Contacts Imported", {"ref": request.query_params.get("ref")})
        yield "all of them\n"

    return StreamingResponse(progress(), media_type="text/plain")


async def invite(request: Request) -> PlainTextResponse:
    """Track in a background task, after the response is sent."""
    send_mail = BackgroundTask(_send_mail, ref=request.query_params.get("ref"))
    return PlainTextResponse("The invitation is on its way.\n", background=send_mail)


async def _send_mail(ref: str | None) -> None:
    await asyncio.sleep(0.01)  # the mail server
    analytics.track("user-1", "Teammate Invited", {"ref": ref})


app: Starlette = Starlette(
    routes=[
        Route("/", home),
        Route("/project", project, methods=["POST"]),
        Route("/invoice", invoice, methods=["POST"]),
        Route("/import", import_contacts, methods=["POST"]),
        Route("/invite", invite, methods=["POST"]),
    ]
)
app.add_middleware(KoalaMiddleware, explain=True)
