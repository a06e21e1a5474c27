"""Plugins of packages that are not installed."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec

import pytest

FRAMEWORKS = ["aiohttp", "django", "flask", "starlette", "tornado"]
QUEUES = ["arq", "celery", "django_tasks", "dramatiq", "huey", "rq", "taskiq"]
OTHERS = ["httpx", "opentelemetry", "requests"]


@pytest.mark.parametrize("name", [*FRAMEWORKS, *QUEUES, *OTHERS])
def test_package_that_is_not_installed_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = f"koala_middleware.contrib.{name}"
    spec = import_module(plugin).__spec__
    assert spec is not None
    assert spec.loader is not None
    needed = {"django_tasks": ["django.tasks", "django_tasks"]}.get(name, [name])
    for module in list(sys.modules):
        if module in needed or module.startswith((f"{plugin}.", *(f"{each}." for each in needed))):
            monkeypatch.delitem(sys.modules, module)
    for each in needed:
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'koala-middleware\[{name}\]'"):
        spec.loader.exec_module(module_from_spec(spec))
