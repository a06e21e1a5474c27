"""Koala's visitor for aiohttp, its server and its client."""

from koala_middleware.contrib._extras import needing

with needing("aiohttp"):
    from koala_middleware.contrib.aiohttp.client import KoalaClientMiddleware
    from koala_middleware.contrib.aiohttp.server import VISITOR, KoalaMiddleware, setup

__all__ = ["VISITOR", "KoalaClientMiddleware", "KoalaMiddleware", "setup"]
