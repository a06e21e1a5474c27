"""Koala's visitor in OpenTelemetry's traces."""

from __future__ import annotations

from koala_middleware.contrib._extras import needing
from koala_middleware.visitor import get_profile_id

with needing("opentelemetry"):
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span, SpanProcessor

ATTRIBUTE = "koala.profile_id"


class KoalaSpanProcessor(SpanProcessor):
    """A processor that gives each span of a request the attribute ``koala.profile_id``.

    ``provider.add_span_processor(KoalaSpanProcessor())``. A span that starts where nobody is
    current has no such attribute.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        profile_id = get_profile_id()
        if profile_id is not None:
            span.set_attribute(ATTRIBUTE, profile_id)
