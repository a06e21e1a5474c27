"""Options from a framework's settings, which begin with ``KOALA_``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from koala_middleware.options import Options
from koala_middleware.validation import Check, checks_of, nearest, refuse

PREFIX = "KOALA_"
# Koala's own names for its keys, which sites have in their settings for the pixel and the API.
_BROWSER_IDS = "KOALA_BROWSER_IDS"
_OF_KOALA = frozenset(["KOALA_PUBLIC_KEY", "KOALA_API_KEY"])


def options_from_settings(settings: Mapping[str, Any], place: str) -> Options:
    """Return Options from a framework's ``KOALA_…`` settings; ``place`` says where they are set.

    An option that takes a function or an object also takes its dotted path.

    Raises TypeError or ValueError for a setting that is unknown or wrong.
    """
    options = checks_of(Options)
    checks = {PREFIX + name.upper(): check for name, check in options.items()}
    given: dict[str, Any] = {}
    for setting in settings:
        if setting in checks:
            label = f"{setting} in {place}"
            value = _imported(settings[setting], checks[setting], label)
            if setting == _BROWSER_IDS:
                value = _with_presets(value, label)
            checks[setting](value, label)
            given[setting.removeprefix(PREFIX).lower()] = value
        elif setting in _OF_KOALA:
            logging.getLogger("koala_middleware").info(
                "%s in %s is not an option of koala_middleware, which needs no key", setting, place
            )
        elif setting.startswith(PREFIX):
            near = nearest(setting.removeprefix(PREFIX).lower(), options)
            advice = (
                f"did you mean {PREFIX}{near.upper()}?"
                if near
                else f"rename it, as {PREFIX} marks the options of koala_middleware"
            )
            raise TypeError(
                f"{setting} in {place}: no such option ({advice}); "
                f"expected one of {', '.join(checks)}"
            )
    return Options(**given)


def _imported(value: object, check: Check, label: str) -> object:
    """Return what a dotted path leads to, where the option takes such a thing."""
    if not (check.is_importable and isinstance(value, str)):
        return value
    module, _, name = value.replace(":", ".").rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:  # or no such path
        refuse(label, f"{check.expected}, or its dotted path ({error})", value, TypeError)


def _with_presets(value: object, label: str) -> object:
    """Return browser ids, among them those of the presets that are given by name."""
    if not isinstance(value, list | tuple):
        return value
    from koala_middleware.destinations import PRESETS  # here, because few applications need it

    browser_ids: list[object] = []
    for each in value:
        if isinstance(each, str) and each not in PRESETS:
            refuse(label, f"BrowserId objects and names out of {', '.join(PRESETS)}", each)
        browser_ids += PRESETS[each] if isinstance(each, str) else [each]
    return browser_ids
