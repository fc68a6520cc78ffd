"""`object_store` keeps the contract of all backends: on moto, Ceph and Azurite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.object_store import ObjectStoreUploadBackend
from ajaxupload.testing import BackendContract
from ajaxupload.testing.driving import begin, open_descriptors, send
from tests.object_store.conftest import made
from tests.s3.tools import NEEDS_CEPH, eventually

pytestmark = pytest.mark.stores


class ObjectStoreContract(BackendContract):
    store: ClassVar[str] = "moto"
    threads = 20

    @pytest.fixture(autouse=True)
    def _bucket(self, request: pytest.FixtureRequest) -> None:
        self.bucket = made(request, self.store)

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return ObjectStoreUploadBackend(**self.bucket.options(**options))

    def read(self, result: Mapping[str, Any]) -> bytes:
        return self.bucket.read(result["filename"])

    def stored(self) -> Collection[str]:
        return self.bucket.objects()

    def leftovers(self) -> Collection[str]:
        return self.bucket.unfinished()

    def test_no_descriptor_is_left_open(self) -> None:
        """Connections are kept to be used again, and closed by threads of obstore's own: a few are no leak."""
        self.test_many_at_once_under_one_name_are_all_kept()
        before = open_descriptors()
        for number in range(40):
            self.upload("again.bin", self.content(1000, number), wait=number % 3 == 0)
            backend = self.make_backend()
            filename = begin(backend, "again.bin", None, self.request)
            send(backend, [self.content(1000)])
            backend.upload_aborted(filename)
        assert eventually(lambda: open_descriptors() < before + 20)


class TestOnMoto(ObjectStoreContract):
    pass


@NEEDS_CEPH
class TestOnCeph(ObjectStoreContract):
    store = "ceph"


class TestOnAzurite(ObjectStoreContract):
    store = "azurite"
