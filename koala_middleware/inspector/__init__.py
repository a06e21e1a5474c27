"""See, without an account, what Segment's Koala (Cloud) destination does with a message."""

from koala_middleware.inspector.destination import Dropped, KoalaRequest, koala_request

__all__ = ["Dropped", "KoalaRequest", "koala_request"]
