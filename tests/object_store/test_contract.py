"""`object_store` keeps the contract of all backends: on moto, Ceph and Azurite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.object_store import ObjectStoreUploadBackend
from ajaxupload.testing import BackendContract
from tests.object_store.conftest import made
from tests.s3.tools import NEEDS_CEPH

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
        """But connections, which are kept to be used again: a few are, before it is counted."""
        self.test_many_at_once_under_one_name_are_all_kept()
        super().test_no_descriptor_is_left_open()


class TestOnMoto(ObjectStoreContract):
    pass


@NEEDS_CEPH
class TestOnCeph(ObjectStoreContract):
    store = "ceph"


class TestOnAzurite(ObjectStoreContract):
    store = "azurite"
