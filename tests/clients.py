"""The SDKs that are installed, and clients of somebody else's, which take what the SDK's take."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

# Some wheels of segment-analytics-python before 2.3 bring the old module, too.
SDKS = ["segment.analytics"]
if find_spec("analytics") and find_spec("analytics.client"):
    SDKS.append("analytics")


class Tracking:
    """One that sends at once."""

    def track(
        self,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
    ) -> Any:
        return self.sent(event)

    def sent(self, event: Any) -> Any:
        return event


class Queueing(Tracking):
    """One that queues as the SDK's does."""

    def sent(self, event: Any) -> Any:
        return self._enqueue({"event": event})

    def _enqueue(self, message: Any) -> Any:
        assert not self.send  # type: ignore[attr-defined]
        return True, message


def sent(client: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the message of a call of track."""
    success, message = client.track(*args, **kwargs)
    assert success
    return message  # type: ignore[no-any-return]
