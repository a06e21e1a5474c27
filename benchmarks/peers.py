"""The peers, set up to do the least they can, and to send nothing."""

from __future__ import annotations

from typing import Any

import posthog
import sentry_sdk
from asgi_correlation_id import CorrelationIdMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as OpenTelemetryASGI
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as OpenTelemetryWSGI
from opentelemetry.sdk.trace import TracerProvider
from posthog.integrations.asgi import PosthogASGIMiddleware
from posthog.integrations.django import PosthogContextMiddleware
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport
from starlette_context.middleware import RawContextMiddleware

from benchmarks.rows import Wrap


class _Drop(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        pass


sentry_sdk.init(
    "http://key@127.0.0.1/1",
    transport=_Drop,
    default_integrations=False,
    auto_enabling_integrations=False,
)

_tracers = TracerProvider()
_posthog = posthog.Posthog("key", host="http://127.0.0.1:9", send=False)

WSGI: dict[str, Wrap] = {
    "Sentry": SentryWsgiMiddleware,
    "OpenTelemetry": lambda app: OpenTelemetryWSGI(app, tracer_provider=_tracers),
}
ASGI: dict[str, Wrap] = {
    "asgi-correlation-id": CorrelationIdMiddleware,
    "starlette-context": RawContextMiddleware,
    "PostHog": lambda app: PosthogASGIMiddleware(app, client=_posthog),
    "Sentry": SentryAsgiMiddleware,
    "OpenTelemetry": lambda app: OpenTelemetryASGI(app, tracer_provider=_tracers),
}


DJANGO: dict[str, Wrap] = {"PostHog": PosthogContextMiddleware}
