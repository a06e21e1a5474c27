"""The peers, set up to do the least they can, and to send nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import posthog
import sentry_sdk
from asgi_correlation_id import CorrelationIdMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as OpenTelemetryASGI
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as OpenTelemetryWSGI
from opentelemetry.sdk.trace import TracerProvider
from posthog.integrations.asgi import PosthogASGIMiddleware
from posthog.integrations.flask import PosthogFlaskIntegration
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport
from starlette_context.middleware import RawContextMiddleware

Wrap = Callable[[Any], Any]

CORRELATION_ID = "asgi-correlation-id"
STARLETTE_CONTEXT = "starlette-context"
POSTHOG = "PostHog"
SENTRY = "Sentry"
OPENTELEMETRY = "OpenTelemetry"

# What they do beside keeping an id at hand while a request is handled.
DOES_MORE = {
    CORRELATION_ID: "makes an id where none came, and adds a header to the response",
    STARLETTE_CONTEXT: "keeps a dict, here an empty one",
    POSTHOG: "reads the request's URL, address and user agent, and catches exceptions",
    SENTRY: "forks its scopes, counts sessions and catches exceptions",
    OPENTELEMETRY: "makes a span with attributes of the request, and metrics",
}


class _Drop(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        pass


def start_sentry() -> None:
    sentry_sdk.init(
        "http://key@127.0.0.1/1",
        transport=_Drop,
        default_integrations=False,
        auto_enabling_integrations=False,
    )


_tracers = TracerProvider()
posthog_client = posthog.Posthog("key", host="http://127.0.0.1:9", send=False)

WSGI: dict[str, Wrap] = {
    SENTRY: SentryWsgiMiddleware,
    OPENTELEMETRY: lambda app: OpenTelemetryWSGI(app, tracer_provider=_tracers),
}
ASGI: dict[str, Wrap] = {
    CORRELATION_ID: CorrelationIdMiddleware,
    STARLETTE_CONTEXT: RawContextMiddleware,
    POSTHOG: lambda app: PosthogASGIMiddleware(app, client=posthog_client),
    SENTRY: SentryAsgiMiddleware,
    OPENTELEMETRY: lambda app: OpenTelemetryASGI(app, tracer_provider=_tracers),
}


def flask_posthog(app: Any) -> Any:
    PosthogFlaskIntegration(app, client=posthog_client)
    return app
