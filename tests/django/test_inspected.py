"""Inspectors behind Django's door and in front of its storages: they get its request, and see what is not saved yet."""

from __future__ import annotations

from typing import Any, BinaryIO

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.upload import Upload
from tests.inspecting.inspectors import Watching

STORAGES = {
    "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "folder": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def names(alias: str) -> list[str]:
    try:
        return list(storages[alias].listdir("")[1])
    except FileNotFoundError:
        return []


@pytest.mark.parametrize("alias", ["memory", "folder"])
@pytest.mark.parametrize("refuses", [True, False])
def test_it_sees_the_file_before_the_storage_has_it(tmp_path: Any, alias: str, refuses: bool) -> None:
    folder = {"BACKEND": f"{FileSystemStorage.__module__}.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    seen: list[Any] = []

    def reading(request: Any, upload: Upload, file: BinaryIO) -> bool:
        seen.append((isinstance(request, HttpRequest), names(alias), file.read()))
        return not refuses

    with override_settings(STORAGES={**STORAGES, "folder": folder}):
        watching = Watching()
        view = AjaxFileUploader(backend="django_storage", alias=alias, inspect=[watching, reading])
        file = SimpleUploadedFile("a.bin", b"content" * 9999)
        request = RequestFactory(enforce_csrf_checks=False).post(
            "/upload", {"file": file}, headers={"Accept": "application/json"}
        )
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # as Django's own test client has it
        answer = view(request)
        assert answer.status_code == (422 if refuses else 200), answer.content
        assert seen == [(True, [], b"content" * 9999)]
        assert watching.seen == [b"content" * 9999]
        assert len(names(alias)) == (not refuses)
