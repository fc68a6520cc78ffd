"""The view among asynchronous ones: Django runs it in a thread, whoever calls it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.memory import MemoryUploadBackend

from .conftest import Site
from .wire import FORM, encoded

BODIES = {
    "form": (encoded(("caption", "Sea"), ("file", "a.txt", b"content" * 10_000)), FORM),
    "raw": (b"content" * 10_000, "text/plain"),
}


async def sent(kind: str) -> Any:
    body, content_type = BODIES[kind]
    return await AsyncClient().post("/upload/?filename=a.txt", body, content_type=content_type)


def test_the_view_is_no_coroutine_function() -> None:
    """Then Django would call it in its event loop, and an upload would stop all others."""
    assert not iscoroutinefunction(AjaxFileUploader())


@pytest.mark.parametrize("kind", BODIES)
def test_the_view_takes_uploads_of_an_asynchronous_server(site: Site, uploads: Path, kind: str) -> None:
    site(path("upload/", AjaxFileUploader()))
    assert asyncio.run(sent(kind)).json()["size"] == 70_000
    assert (uploads / "a.txt").read_bytes() == b"content" * 10_000


@pytest.mark.parametrize("kind", BODIES)
def test_an_asynchronous_view_may_call_it(site: Site, uploads: Path, kind: str) -> None:
    uploader = AjaxFileUploader()

    @csrf_exempt
    async def view(request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = await sync_to_async(uploader)(request)
        return answer

    site(path("upload/", view))
    assert asyncio.run(sent(kind)).status_code == 200
    assert (uploads / "a.txt").read_bytes() == b"content" * 10_000


def test_hooks_get_djangos_request_for_asynchronous_servers(site: Site) -> None:
    seen: list[object] = []

    class Looking(MemoryUploadBackend):
        def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> None:
            seen.append((type(request).__name__, request.POST.dict()))

    site(path("upload/", AjaxFileUploader(Looking)))
    asyncio.run(sent("form"))
    assert seen == [("ASGIRequest", {"caption": "Sea"})]
