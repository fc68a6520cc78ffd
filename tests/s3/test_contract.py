"""`s3` keeps the contract of all backends: on moto, on Ceph over plain HTTP and over TLS, and on MiniStack."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.testing import BackendContract
from ajaxupload.testing.driving import Crash, begin, cut, elsewhere, finish, send
from tests.s3.conftest import made
from tests.s3.tools import NEEDS_CEPH, TinyParts, aborting

pytestmark = pytest.mark.stores


class S3Contract(BackendContract):
    cls: ClassVar[type[S3UploadBackend]] = S3UploadBackend
    store: ClassVar[str] = "moto"
    threads = 20  # each of them a connection
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _bucket(self, request: pytest.FixtureRequest) -> None:
        self.bucket = made(request, self.store)

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return self.cls(**self.bucket.options(**self.options, **options))

    def read(self, result: Mapping[str, Any]) -> bytes:
        return self.bucket.read(result["filename"])

    def stored(self) -> Collection[str]:
        return self.bucket.objects()

    def leftovers(self) -> Collection[str]:
        return self.bucket.unfinished()


class TestOnMoto(S3Contract):
    options: ClassVar[dict[str, Any]] = {"PREFIX": "in/"}


@NEEDS_CEPH
class TestOnCeph(S3Contract):
    store = "ceph"


@NEEDS_CEPH
class TestOnCephOverTls(S3Contract):
    store = "ceph-tls"
    options: ClassVar[dict[str, Any]] = {"CHECKSUM": "md5"}


class TestOnMiniStack(S3Contract):
    store = "ministack"
    options: ClassVar[dict[str, Any]] = {"CHECKSUM": "sha256"}


class TinyPartsContract(S3Contract):
    """Each file of more than 1,000 bytes is a multipart upload."""

    cls = TinyParts

    def test_what_a_killed_process_left_is_cleared_and_the_living_are_spared(self) -> None:
        """Whose an upload is no store knows: what nothing was added to for LEFTOVER_AGE is taken for dead."""
        content = self.content(5000, seed=5)
        for last in ("setup", "upload_chunk", "upload_waits"):
            assert elsewhere(Crash(self.make_backend(), last), "killed.bin", content) == -9, last
        assert len(self.leftovers()) == 2, "setup alone leaves nothing"
        living = self.make_backend()
        name = begin(living, "living.bin", None, self.request)
        with aborting(living, name):
            send(living, [content[:2500]])
            assert self.make_backend().clean() == 0, "too young"
            time.sleep(5)
            send(living, [content[2500:4000]])
            living.upload_waits(name)
            sweeper = self.make_backend(LEFTOVER_AGE=4.0)
            assert sweeper.clean(older_than=3600) == 0
            assert sweeper.clean() == 2
            send(living, [content[4000:]])
            assert self.holds(finish(living, name, self.request), content)
        assert not self.leftovers()


class TestTinyPartsOnMoto(TinyPartsContract):
    pass


@NEEDS_CEPH
class TestTinyPartsOnCeph(TinyPartsContract):
    store = "ceph"


class Unguarded(S3UploadBackend):
    """Keys without a uuid, and a store that is not asked to refuse those that are taken."""

    KEY = "{filename}"

    @property
    def _exclusive(self) -> bool:
        return False


def test_the_contract_finds_what_overwrites(request: pytest.FixtureRequest) -> None:
    contract = S3Contract()
    contract.cls = Unguarded  # type: ignore[misc]  # set on the instance, not the class
    contract.bucket = made(request, "moto")
    with pytest.raises(AssertionError):
        contract.test_the_same_name_twice_keeps_both()


def test_no_bytes_are_lost_between_parts(request: pytest.FixtureRequest) -> None:
    """Sizes around the boundaries of parts, in pieces that straddle them."""
    bucket = made(request, "moto")
    for size in (999, 1000, 1001, 1999, 2000, 2001, 9999, 10_000):
        content = BackendContract().content(size, seed=size)
        for pieces in ((1000,), (999, 2), (1, 2500), (10_000,)):
            backend = TinyParts(**bucket.options())
            name = begin(backend, "edge.bin", size if size % 2 else None)
            send(backend, cut(content, pieces))
            assert bucket.read(finish(backend, name)["key"]) == content, (size, pieces)
