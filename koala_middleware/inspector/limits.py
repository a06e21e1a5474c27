"""The limits of Segment's HTTP API.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
"""

from __future__ import annotations

# In units of 1024 bytes, as the SDK counts them: its batches may have up to 507,768 bytes.
MOST_BATCH_BYTES = 500 << 10
MOST_EVENT_BYTES = 32 << 10
MOST_BATCH_EVENTS = 2500
LONGEST_MESSAGE_ID = 100  # characters
LONGEST_WRITE_KEY = 200  # characters; ours


class TooLargeError(ValueError):
    """A body or an event is over a limit, which the message names."""
