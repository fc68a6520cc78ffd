"""Two Django sites whose storages have one alias and keep unfinished uploads in one folder: neither has the other's."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage
from django.test import override_settings

from ajaxupload.backends.django_storage import DjangoStorageUploadBackend


class Shelf(InMemoryStorage):
    """A storage of somebody's own, which is told where to store by a word of its own."""

    def __init__(self, shelf: str, patience: float = 1.0) -> None:
        super().__init__()


FOLDER, S3, OWN = "django.core.files.storage.FileSystemStorage", "storages.backends.s3.S3Storage", f"{__name__}.Shelf"


def name_of(kind: str, options: dict[str, Any]) -> str:
    with override_settings(STORAGES={"default": {"BACKEND": kind, "OPTIONS": options}}):
        return DjangoStorageUploadBackend().store_name()


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (FOLDER, {"location": "/one"}, {"location": "/other"}),
        (S3, {"bucket_name": "one"}, {"bucket_name": "other"}),
        (S3, {"bucket_name": "one", "location": "in"}, {"bucket_name": "one", "location": "out"}),
        (OWN, {"shelf": "one"}, {"shelf": "other"}),
    ],
)
def test_storages_of_one_alias_are_told_apart(kind: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert name_of(kind, one) != name_of(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (S3, {"bucket_name": "one"}, {"bucket_name": "one", "querystring_expire": 5}),
        (OWN, {"shelf": "one"}, {"shelf": "one", "patience": 2.0}),
    ],
)
def test_what_says_nothing_of_the_place_may_change(kind: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert name_of(kind, one) == name_of(kind, other)
