"""Read a request's body, limited in size before and during decompression."""

from __future__ import annotations

import zlib

from starlette.requests import Request

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, most: int) -> tuple[bytes, int]:
    """Return at most the first ``most`` + 1 bytes of the body, and its size.

    Raises ClientDisconnect.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        # The excess is read and discarded: a client that is still sending when the connection
        # closes sees a broken pipe instead of our answer.
        body += chunk[: most + 1 - len(body)]
        size += len(chunk)
    return bytes(body), size


def expand(body: bytes, encoding: str, most: int) -> bytes:
    """Return a decoded body, or its first ``most`` + 1 bytes.

    Raises ValueError for one that is cut or encoded otherwise.
    """
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise ValueError(f"Content-Encoding: expected gzip or none, got {encoding!r}")
    gunzip = zlib.decompressobj(_GZIP)
    try:
        expanded = gunzip.decompress(body, most + 1)
    except zlib.error as error:
        raise ValueError(f"the body is not gzip, as its Content-Encoding says: {error}") from None
    if not gunzip.eof and len(expanded) <= most:
        raise ValueError("the body's gzip data ends early")
    return expanded
