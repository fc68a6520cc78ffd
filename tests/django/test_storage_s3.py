"""`django_storage` over django-storages' S3Storage: the storage that projects with buckets have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pytest
from django.core.files.storage import Storage, storages
from django.db import models
from django.test import override_settings
from django.urls import path
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]  # it brings no types

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.django_storage import DjangoStorageUploadBackend
from ajaxupload.testing import BackendContract
from ajaxupload.testing.driving import begin, noise, send
from tests.s3.stores import KEY, REGION, SECRET, Bucket, moto
from tests.s3.tools import MIB, eventually

from .conftest import Site
from .wire import post_form

pytestmark = pytest.mark.stores


@pytest.fixture(scope="module")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def bucket(moto_url: str, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(moto_url, f"bucket-{abs(hash(request.node.nodeid))}").make()


def options_of(bucket: Bucket) -> dict[str, Any]:
    """As they stand in STORAGES."""
    keys = {"access_key": KEY, "secret_key": SECRET}
    return {"bucket_name": bucket.name, "endpoint_url": bucket.endpoint, "region_name": REGION, **keys}


@lru_cache(maxsize=256)
def storage_of(options: tuple[tuple[str, Any], ...]) -> Storage:
    storage: Storage = S3Storage(**dict(options))
    return storage


class InBucket(DjangoStorageUploadBackend):
    """Over a bucket that a process without this one's STORAGES finds as well."""

    PLACE: Mapping[str, Any] = {}

    @property
    def storage(self) -> Storage:
        return storage_of(tuple(self.PLACE.items()))


class TestInBucket(BackendContract):
    threads = 12

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def make_backend(self, **options: Any) -> InBucket:
        return InBucket(place=options_of(self.bucket), **options)

    def read(self, result: Mapping[str, Any]) -> bytes:
        return self.bucket.read(result["filename"])

    def stored(self) -> Collection[str]:
        return self.bucket.objects()

    def leftovers(self) -> Collection[str]:
        return self.bucket.unfinished()


@pytest.fixture
def alias(bucket: Bucket) -> Iterator[str]:
    table = {"s3": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options_of(bucket)}}
    with override_settings(STORAGES=table):
        yield "s3"


def test_the_replys_name_assigns_to_a_file_field_and_its_url_is_the_storages(
    site: Site, bucket: Bucket, alias: str
) -> None:
    client = site(path("upload/", AjaxFileUploader(backend="django_storage", alias=alias, upload_dir="in")))
    reply = post_form(client, "/upload/", ("file", "a b.txt", b"content")).json()
    assert bucket.read(reply["filename"]) == b"content"

    class Document(models.Model):  # here, for its field's storage must exist
        file = models.FileField(upload_to="in", storage=storages[alias])

        class Meta:
            app_label = "storage_tests"

        def __str__(self) -> str:
            return str(self.file.name)

    document = Document(file=reply["filename"])
    assert document.file.url.partition("?")[0] == reply["url"].partition("?")[0]
    with document.file.open() as file:
        assert file.read() == b"content"


def test_parts_are_at_the_store_while_the_rest_is_still_to_come(bucket: Bucket, alias: str) -> None:
    """It streams: nothing waits in memory or on a disk for the end."""
    backend = DjangoStorageUploadBackend(alias=alias)
    key = begin(backend, "big.bin")
    send(backend, [noise(20 * MIB)[at : at + MIB] for at in range(0, 20 * MIB, MIB)])
    assert eventually(bucket.unfinished)
    name = backend.upload_complete(None, key)["filename"]
    assert bucket.read(name) == noise(20 * MIB)


@pytest.mark.parametrize("size", [10, 20 * MIB], ids=["one put", "parts"])
def test_a_broken_upload_leaves_nothing_in_the_bucket(bucket: Bucket, alias: str, size: int) -> None:
    backend = DjangoStorageUploadBackend(alias=alias)
    key = begin(backend, "gone.bin")
    send(backend, [noise(size)])
    backend.upload_aborted(key)
    assert eventually(lambda: not bucket.unfinished() and not bucket.objects())
