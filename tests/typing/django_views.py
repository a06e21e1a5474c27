"""Views that read the visitor of a typed request."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views import View
from django.views.decorators.http import require_GET
from typing_extensions import assert_type

from koala_middleware import Visitor
from koala_middleware.contrib.django import KoalaHttpRequest


def view(request: KoalaHttpRequest) -> HttpResponse:
    assert_type(request.koala, Visitor)
    return HttpResponse(request.koala.profile_id or "")


@require_GET
async def async_view(request: KoalaHttpRequest) -> HttpResponse:
    return HttpResponse(request.koala.anonymous_id or request.method or "")


class ClassView(View):
    def get(self, request: KoalaHttpRequest) -> HttpResponse:
        assert_type(request.koala.profile_id, str | None)
        return HttpResponse()


def untyped_request(request: HttpRequest) -> str | None:
    # What KoalaHttpRequest is for.
    return request.koala.profile_id  # type: ignore[attr-defined, no-any-return]


urlpatterns = [path("", view), path("async", async_view), path("class", ClassView.as_view())]
