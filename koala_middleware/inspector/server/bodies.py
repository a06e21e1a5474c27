"""Read a request's body: bounded before it is expanded, and bounded again before it is parsed."""

from __future__ import annotations

import zlib

from starlette.requests import ClientDisconnect, Request

from koala_middleware.inspector.limits import TooLargeError

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, most: int) -> bytes:
    """Return the body, expanded if it came gzipped, of ``most`` bytes at the most.

    Raises TooLargeError, or ValueError for one that is cut or encoded otherwise.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            # What is too long is read to its end, but not kept: a client that is still sending
            # when the connection closes sees a broken pipe instead of our answer.
            body += chunk[: most + 1 - len(body)]
    except ClientDisconnect:
        raise ValueError("the connection broke before the end of the body") from None

    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "gzip":
        body = _expand(body, most)
    elif encoding != "identity":
        raise ValueError(f"Content-Encoding: expected gzip or none, got {encoding!r}")
    if len(body) > most:
        raise TooLargeError(f"this request may have {most} bytes, it has more")
    return bytes(body)


def _expand(body: bytearray, most: int) -> bytearray:
    gunzip = zlib.decompressobj(_GZIP)
    try:
        expanded = bytearray(gunzip.decompress(body, most + 1))
    except zlib.error as error:
        raise ValueError(f"the body is not gzip, as its Content-Encoding says: {error}") from None
    if not gunzip.eof and len(expanded) <= most:
        raise ValueError("the body's gzip data ends early")
    return expanded
