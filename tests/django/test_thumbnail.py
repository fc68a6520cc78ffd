"""django-ajax-uploader's ThumbnailUploadBackend behind a view: Django's settings reach the store behind it."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.urls import path
from PIL import Image

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.adapters.django.settings import plan
from ajaxupload.backends.thumbnail import ThumbnailUploadBackend

from .conftest import Site


class Avatars(ThumbnailUploadBackend):
    """As projects with django-ajax-uploader have it."""

    DIMENSION = "50x50"
    UPLOAD_DIR = "avatars"


def photo() -> bytes:
    file = BytesIO()
    Image.new("RGB", (400, 300), "red").save(file, "JPEG")
    return file.getvalue()


def sent(site: Site, view: Any) -> dict[str, Any]:
    """The reply to a photo, sent as the old widget sends it."""
    client = site(path("up/", view))
    answer = client.post("/up/?qqfile=a.jpg", photo(), content_type="application/octet-stream",
                         headers={"X-Requested-With": "XMLHttpRequest"})  # fmt: skip
    reply: dict[str, Any] = json.loads(answer.content)
    assert reply["success"], reply
    return reply


@pytest.mark.parametrize("backend", ["thumbnail", ThumbnailUploadBackend])
def test_a_thumbnail_lies_where_django_serves_uploads(site: Site, uploads: Path, backend: Any) -> None:
    with override_settings(MEDIA_URL="/media/"):
        reply = sent(site, AjaxFileUploader(backend=backend, dimension="80x80"))
    assert reply["path"] == "/media/uploads/a.jpg"
    with Image.open(uploads / "a.jpg") as seen:
        assert seen.size == (80, 60)


def test_the_constants_of_a_subclass_are_the_stores(site: Site, root: Path) -> None:
    sent(site, AjaxFileUploader(backend=Avatars))
    with Image.open(root / "media" / "avatars" / "a.jpg") as seen:
        assert seen.size == (50, 38)


def test_the_store_may_be_one_that_the_settings_configure(site: Site, root: Path) -> None:
    backends = {"default": {"class": "local", "upload_dir": "d"}, "small": {"class": "thumbnail", "store": "default"}}
    with override_settings(AJAXUPLOAD={"backends": backends}):
        sent(site, AjaxFileUploader(backend="thumbnail", store="default"))
        sent(site, AjaxFileUploader(backend="small"))
    assert len(list((root / "media" / "d").iterdir())) == 2


def test_settings_are_lent_to_the_store_and_to_no_other() -> None:
    with override_settings(MEDIA_ROOT="m", AJAXUPLOAD={"backends": {"a": "memory", "b": {"class": "local"}}}):
        assert plan("thumbnail", None, {})["backends"]["default"]["media_root"] == "m"
        assert "media_root" not in plan("thumbnail", None, {"store": "a"})["backends"]["default"]
        assert plan("thumbnail", None, {"store": "b"})["backends"]["b"]["media_root"] == "m"
        table = plan("thumbnail", None, {"store": {"class": "local", "upload_dir": "x"}})["backends"]["default"]
        assert table["store"]["media_root"] == "m"
        assert "media_root" not in table
        assert plan({"class": "thumbnail", "store": "nowhere"}, None, {})["backends"]["default"]["store"] == "nowhere"
