"""Segment's SDK, and how its calls get the current visitor."""

from koala_middleware.segment.instrumentation import instrument, uninstrument

__all__ = ["instrument", "uninstrument"]
