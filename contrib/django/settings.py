"""The options in Django's settings."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from koala_middleware.options import Options
from koala_middleware.settings import PREFIX, options_from_settings


def read_options() -> Options:
    """Return the options that the settings ``KOALA_…`` give.

    Raises ImproperlyConfigured for a setting that is unknown or wrong.
    """
    given = {name: getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}
    try:
        return options_from_settings(given, "the Django settings")
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(str(error)) from error
