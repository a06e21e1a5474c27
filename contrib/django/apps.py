"""The application for ``INSTALLED_APPS``, which adds the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class KoalaConfig(AppConfig):
    """The application ``koala_middleware.contrib.django``."""

    name = "koala_middleware.contrib.django"
    label = "koala_middleware"
    verbose_name: str = "Koala"

    def ready(self) -> None:
        from koala_middleware.contrib.django.checks import check_setup

        checks.register(check_setup, "koala")
