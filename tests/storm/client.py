"""Many browsers: play the requests, and tell which events the server owes for each.

Few connections serve all visitors in turn, so that whatever a server keeps by connection meets
many of them. Every request is a POST, because the client would repeat another on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp

from tests.storm.kinds import CHUNK_SIZE, CHUNKS, MESSAGES, PARTS, Interface
from tests.storm.plan import Request

IN_FLIGHT = 64
REQUEST_SECONDS = 60
LEAST_PER_SECOND = 20  # on a machine that is slow, and busy with something else


@dataclass(frozen=True)
class Outcome:
    """The result of a request.

    :param owed: the events that must arrive.
    :param possible: those that may arrive besides.
    :param fault: what was wrong with the response.
    """

    request: Request
    owed: frozenset[str]
    possible: frozenset[str] = frozenset()
    fault: str | None = None


@dataclass
class _Connection:
    """Whether a request's connection has served others before."""

    used: bool = False


async def _note_used_connection(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    if context.trace_request_ctx is not None:  # a websocket's
        context.trace_request_ctx.used = True


@dataclass
class Client:
    """Plays requests to one server."""

    url: str
    interface: Interface
    file: bytes
    connections: int = 0
    resent: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    async def play(self, requests: Iterable[Request], count: int) -> None:
        """Play them all, 64 at a time.

        Raises TimeoutError if that takes far longer than ever expected.
        """
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._note_new_connection)
        trace.on_connection_reuseconn.append(_note_used_connection)

        def connect(**settings: Any) -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, **settings),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
                trace_configs=[trace],
            )

        async with connect(keepalive_timeout=60) as kept, connect(force_close=True) as fresh:
            shared = iter(requests)
            browsers = (self._browse(kept, fresh, shared) for _ in range(IN_FLIGHT))
            deadline = REQUEST_SECONDS + count / LEAST_PER_SECOND
            await asyncio.wait_for(asyncio.gather(*browsers), deadline)

    async def _note_new_connection(self, *_: object) -> None:
        self.connections += 1

    async def _browse(
        self,
        kept: aiohttp.ClientSession,
        fresh: aiohttp.ClientSession,
        requests: Iterator[Request],
    ) -> None:
        for request in requests:
            # Where a body breaks before any of it was sent, a connection that is used again would
            # look like one that the server was about to close.
            session = fresh if request.kind == "breaks" else kept
            self.outcomes.append(await self._try(session, request))

    async def _try(self, session: aiohttp.ClientSession, request: Request) -> Outcome:
        """Send a request until its connection is not one that the server was about to close.

        uvicorn does that without notice, when an application raises after its response. If the
        server has seen the request nevertheless, its events come twice, and are found.
        """
        while True:
            connection = _Connection()
            try:
                return await self._request(session, request, connection)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not connection.used:
                    # uWSGI's way to tell that the application has raised, and Granian's.
                    fault = None if request.kind in ("fails", "breaks") else repr(error)
                    return self._outcome(request, fault)
                self.resent += 1
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                return self._outcome(request, repr(error))

    async def _request(
        self, session: aiohttp.ClientSession, request: Request, connection: _Connection
    ) -> Outcome:
        url = self.url + request.path
        headers = {} if request.cookies is None else {"Cookie": request.cookies}
        if request.kind == "websocket":
            await _converse(session, url, headers)
            return self._outcome(request)
        async with session.post(url, headers=headers, trace_request_ctx=connection) as response:
            if request.kind == "hangup":
                return await self._hang_up(request, response)
            if request.kind == "breaks":
                with contextlib.suppress(aiohttp.ClientPayloadError, ConnectionError):
                    await response.read()
                return self._outcome(request, _unless(200, response.status))
            body = await response.read()
            return self._outcome(request, self._fault(request.kind, response.status, body))

    async def _hang_up(self, request: Request, response: aiohttp.ClientResponse) -> Outcome:
        await response.content.readexactly(CHUNK_SIZE["hangup"])
        response.close()  # closes the connection, which has unread data: the server gets a reset
        chunks = frozenset(part for part in PARTS["hangup"] if part.startswith("chunk"))
        possible = chunks - {"chunk0"}
        if self.interface == "asgi":
            possible |= {"close"}
        owed = frozenset(PARTS["hangup"]) - possible
        return Outcome(request, owed, possible, _unless(200, response.status))

    def _fault(self, kind: str, status: int, body: bytes) -> str | None:
        if kind == "file" and body != self.file:
            return f"the file came with {len(body)} bytes of {len(self.file)}, or with wrong ones"
        if kind in CHUNKS and body.count(b".") != CHUNKS[kind] * CHUNK_SIZE[kind]:
            return f"a body of {len(body)} bytes"
        return _unless(500 if kind in ("fails", "errorpage") else 200, status)

    def _outcome(self, request: Request, fault: str | None = None) -> Outcome:
        return Outcome(request, frozenset(PARTS[request.kind]), fault=fault)


async def _converse(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
    async with session.ws_connect(url, headers=headers, compress=0) as websocket:
        for number in range(MESSAGES):
            await websocket.send_str(str(number))
            answer = await websocket.receive_str()
            if answer != str(number):
                raise aiohttp.ClientPayloadError(f"another's message: {answer}")


def _unless(expected: int, status: int) -> str | None:
    return None if status == expected else f"status {status}, expected {expected}"
