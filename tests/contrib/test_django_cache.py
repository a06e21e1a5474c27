"""Minted cookies and Django's caches, which keep whole responses with their cookies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views.decorators.cache import cache_control, cache_page

import koala_middleware as koala
from koala_middleware import Mint
from tests.visitors import ALICE

KOALA = "koala_middleware.contrib.django.KoalaMiddleware"
UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH = "django.middleware.cache.FetchFromCacheMiddleware"

pytestmark = pytest.mark.usefixtures("events")

Get = Callable[..., HttpResponse]


def get_sync(**headers: str) -> Any:
    return Client().get("/", headers={"Sec-Fetch-Dest": "document", **headers})


def get_async(**headers: str) -> Any:
    headers = {"Sec-Fetch-Dest": "document", **headers}
    return asyncio.run(AsyncClient().get("/", headers=headers))


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(uuid4())


async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(uuid4())


def site(view: Any, middleware: list[str]) -> override_settings:
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("", view)]
    location = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4()}
    return override_settings(
        ROOT_URLCONF=urls,
        MIDDLEWARE=middleware,
        CACHES={"default": location},
        KOALA_MINT=Mint(),
    )


def cookie_of(response: Any) -> str | None:
    cookie = response.cookies.get("ko_id")
    return None if cookie is None else koala.parse_profile_id(cookie.value)


@pytest.mark.parametrize("get", [get_sync, get_async])
@pytest.mark.parametrize("view", [page, async_page])
@pytest.mark.parametrize(
    ("decorate", "middleware", "mints"),
    [
        pytest.param(None, [UPDATE, KOALA, FETCH], True, id="per-site-above"),
        pytest.param(None, [KOALA, UPDATE, FETCH], False, id="per-site-below"),
        pytest.param(cache_page(600), [KOALA], False, id="cache_page"),
        pytest.param(cache_page(600), [UPDATE, KOALA, FETCH], False, id="cache_page-and-above"),
        pytest.param(cache_control(max_age=0), [UPDATE, KOALA, FETCH], True, id="max-age-0"),
    ],
)
def test_minted_cookie_is_nobody_elses(
    get: Get, view: Any, decorate: Any, middleware: list[str], mints: bool
) -> None:
    """A page in the cache has no cookie, whoever filled it, and newcomers never share one."""
    with site(decorate(view) if decorate else view, middleware):
        newcomers = [get(), get()]
        known = get(cookie=f"ko_id={ALICE}")
        later = [get(), get(cookie=f"ko_id={ALICE}")]
    cookies = [cookie_of(response) for response in newcomers]
    assert [cookie is not None for cookie in cookies] == [mints, mints]
    assert len(set(cookies)) == (2 if mints else 1)
    assert cookie_of(known) is cookie_of(later[1]) is None
    assert cookie_of(later[0]) is None or cookie_of(later[0]) not in cookies


@pytest.mark.parametrize("get", [get_sync, get_async])
def test_page_is_cached_where_no_cookie_is_set(get: Get) -> None:
    """Only the responses that set one stay out of the cache."""
    with site(page, [UPDATE, KOALA, FETCH]):
        get()
        visits = [get(cookie=f"ko_id={ALICE}"), get(cookie=f"ko_id={ALICE}"), get()]
    assert len({visit.content for visit in visits}) == 1
    assert [cookie_of(visit) for visit in visits] == [None] * 3
