"""Segment's SDK: how its calls get the current visitor, and how its events arrive."""

from koala_middleware.segment.counters import ClientStats, stats
from koala_middleware.segment.delivery import delivering
from koala_middleware.segment.instrumentation import instrument, uninstrument

__all__ = ["ClientStats", "delivering", "instrument", "stats", "uninstrument"]
