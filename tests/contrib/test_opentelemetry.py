"""The profile id in OpenTelemetry's spans."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import koala_middleware as koala
from koala_middleware.contrib.opentelemetry import KoalaSpanProcessor
from tests.visitors import ALICE


def test_span_has_the_profile_id() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(KoalaSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    start = tracer.start_as_current_span
    with start("server"), koala.profile(ALICE), start("view"):
        pass
    provider.shutdown()
    attributes = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
    assert attributes == {"view": {"koala.profile_id": ALICE}, "server": {}}
