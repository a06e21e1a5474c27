"""Keep other sites' pages, open in the same browser, away from a local server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READS = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "Cache-Control": "no-cache",  # else a browser may mix the page's files of two versions
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class CrossOriginProtection:
    """ASGI middleware that refuses requests which another site may have caused.

    The Host must be an address or a known name: a site that makes its own name resolve to this
    machine (DNS rebinding) sends that name. What changes something must come from a page of ours
    or from no page at all: a browser says so in Origin and Sec-Fetch-Site.

    :param app: the ASGI application.
    :param names: the names that this server is reached by, beside ``localhost``.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        self.app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await PlainTextResponse(f"{refusal}\n", 403)(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    sent.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return "This Host is not known here; --allow-host NAME makes a name known."
        if method in _READS:
            return None
        site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        ours = (None, f"http://{host}", f"https://{host}")
        if site not in ("same-origin", "none") or origin not in ours:
            return "Another site's page may not do this."
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in self._names or ip_address(name) is not None
        except ValueError:  # no address, or not even a host
            return False
