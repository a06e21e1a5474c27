"""The system checks of ``manage.py check``."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.middleware.cache import FetchFromCacheMiddleware
from django.utils.module_loading import import_string

from koala_middleware.contrib.django.middleware import KoalaMiddleware
from koala_middleware.contrib.django.settings import read_options
from koala_middleware.segment.sdk import CLIENT_MODULES, sdk_is_installed
from koala_middleware.segment.wrappers import instrumented

_PATH = "koala_middleware.contrib.django.KoalaMiddleware"


def check_setup(**kwargs: Any) -> list[CheckMessage]:
    """Check the options, the place of the middleware, and that there is an SDK."""
    try:
        options = read_options()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="koala.E001")]
    return [*_check_middleware(), *_check_sdk()] if options.enabled else []


def _check_middleware() -> list[CheckMessage]:
    above: dict[str, Any] = {}
    for path in settings.MIDDLEWARE:
        try:
            middleware = import_string(path)
        except ImportError:  # Django reports it when it builds the middleware
            continue
        if _is(middleware, KoalaMiddleware):
            return [
                Warning(
                    f"{other} in MIDDLEWARE {fault}.",
                    hint=f"Move {path} above it.",
                    id="koala.W001",
                )
                for other in above
                if (fault := _fault(above[other])) is not None
            ]
        above[path] = middleware
    return [
        Warning(
            f"{_PATH} is not in MIDDLEWARE, so no event gets a profile id.",
            hint="Add it, as close to the top as possible.",
            id="koala.W001",
        )
    ]


def _fault(middleware: Any) -> str | None:
    """Return what goes wrong if a middleware stands above ours, or None."""
    # UpdateCacheMiddleware is right there: it must see the response last.
    if _is(middleware, FetchFromCacheMiddleware):
        return "answers from the cache, and such requests never reach KoalaMiddleware"
    if _uses_sdk(middleware):
        return "uses Segment's SDK, and its events get no profile id outside KoalaMiddleware"
    return None


def _is(middleware: Any, kind: type) -> bool:
    return isinstance(middleware, type) and issubclass(middleware, kind)


def _uses_sdk(middleware: Any) -> bool:
    """Return whether a middleware's module has imported anything from Segment's SDK."""
    packages = [name.rpartition(".")[0] for name in CLIENT_MODULES if name in sys.modules]
    module = sys.modules.get(getattr(middleware, "__module__", ""))
    return any(
        name == package or name.startswith(f"{package}.")
        for name in map(_origin, vars(module).values() if module else ())
        for package in packages
    )


def _origin(value: object) -> str:
    """Return the module that a value is, or the one that defines it or its class."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return name if isinstance(name, str) else ""


def _check_sdk() -> list[CheckMessage]:
    if instrumented or sdk_is_installed():
        return []
    return [
        Warning(
            "Segment's SDK is not installed, so no event gets a profile id.",
            hint="pip install segment-analytics-python, or give the class of another client to "
            "koala_middleware.instrument().",
            id="koala.W002",
        )
    ]
