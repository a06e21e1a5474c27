"""The HTTP server: Segment's API, the inspector's own, and its page."""
