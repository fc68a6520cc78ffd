"""Thumbnails go to any store: the contract of all backends, in front of `s3`, `object_store` and `django_storage`.

The pictures and what must become of them are test_contract.py's; here is where they go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ajaxupload.testing.driving import Crash, begin, elsewhere, finish, open_descriptors, send
from tests.object_store.conftest import S3Bucket
from tests.s3.stores import Bucket, moto
from tests.s3.tools import TinyParts, eventually, pool_is_empty
from tests.thumbnail.pictures import jpeg, opened
from tests.thumbnail.test_contract import ThumbnailContract

pytestmark = [pytest.mark.stores, pytest.mark.slow]

_numbers = count()


@pytest.fixture(scope="module")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto"), S3_UPLOAD_PART_MIN_SIZE="1") as url:
        yield url


class InABucket(ThumbnailContract):
    """At moto; the bucket is looked at from outside."""

    threads = 8

    @pytest.fixture(autouse=True)
    def _bucket(self, moto_url: str) -> Iterator[None]:
        self.bucket = Bucket(moto_url, f"thumbnails-{next(_numbers)}")
        self.bucket.make()
        yield
        assert eventually(pool_is_empty), "part memory was not given back"

    def read(self, result: Mapping[str, Any]) -> bytes:
        return self.bucket.read(result["filename"])

    def stored(self) -> Collection[str]:
        return self.bucket.objects()

    def leftovers(self) -> Collection[str]:
        return self.bucket.unfinished()


class TestInFrontOfS3(InABucket):
    def make_store(self) -> Any:
        return {"class": "s3", **self.bucket.options()}


class TestInFrontOfS3WithTheOriginal(InABucket):
    """The original is a multipart upload while its thumbnail is one PUT. The contract sees the thumbnails."""

    options: ClassVar[dict[str, Any]] = {**ThumbnailContract.options, "KEEP_ORIGINAL": True}

    def make_store(self) -> Any:
        return {"class": TinyParts, **self.bucket.options(LEFTOVER_AGE=0.0)}

    def stored(self) -> Collection[str]:
        names = self.bucket.objects()
        thumbnails = [name for name in names if opened(self.bucket.read(name)).size == (16, 16)]
        assert len(names) >= 2 * len(thumbnails), "a thumbnail without its original"
        return thumbnails

    def test_what_a_killed_process_left_is_cleared_and_the_living_are_spared(self) -> None:
        """Whose an unfinished upload is no store knows, only how old it is: here all are old enough at once."""
        for last in ("setup", "upload_chunk", "upload_waits"):
            assert elsewhere(Crash(self.make_backend(), last), "killed.png", self.content(5000)) == -9, last
        assert self.leftovers()
        assert eventually(lambda: self.make_backend().clean() == 0 and not self.leftovers())
        assert not self.bucket.objects()


class TestInFrontOfObjectStore(InABucket):
    def make_store(self) -> Any:
        bucket = S3Bucket(self.bucket.endpoint, self.bucket.name)
        return {"class": "object_store", **bucket.options()}

    def test_no_descriptor_is_left_open(self) -> None:
        """Connections are kept to be used again, and closed by threads of obstore's own: a few are no leak."""
        self.test_many_at_once_under_one_name_are_all_kept()
        before = open_descriptors()
        for number in range(20):
            self.upload("again.bin", self.content(1000, number), wait=number % 3 == 0)
            backend = self.make_backend()
            filename = begin(backend, "again.bin", None, self.request)
            send(backend, [self.content(1000)])
            backend.upload_aborted(filename)
        assert eventually(lambda: open_descriptors() < before + 10)


class TestInFrontOfDjangoStorage(ThumbnailContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.root = tmp_path
        self.make_backend().startup()

    def make_store(self) -> Any:
        from tests.django.test_storage import InFolder

        return {"class": InFolder, "folder": str(self.root / "folder")}

    def stored(self) -> Collection[str]:
        from tests.django.test_storage import every_file

        return every_file(self.storage())

    def storage(self) -> Any:
        from django.core.files.storage import FileSystemStorage

        return FileSystemStorage(str(self.root / "folder"), "/folder/")

    def leftovers(self) -> Collection[str]:
        private = self.root / ".folder.ajaxupload"
        return [path.name for path in private.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("cls", [TestInFrontOfS3, TestInFrontOfObjectStore], ids=["s3", "object_store"])
def test_each_size_has_a_url_of_the_stores_own_that_opens(moto_url: str, cls: type[InABucket]) -> None:
    import urllib.request

    contract = cls()
    contract.bucket = Bucket(moto_url, f"thumbnails-{next(_numbers)}")
    contract.bucket.make()
    sizes = {"DIMENSIONS": {"small": "20x20", "large": "60x60"}, "KEEP_ORIGINAL": True, "FORMAT": None}
    backend = contract.make_backend(**sizes)
    filename = begin(backend, "photo.jpg")
    send(backend, [jpeg()])
    reply = finish(backend, filename)
    assert backend.url is not None
    for name, most in (("small", 20), ("large", 60)):
        url = reply["thumbnails"][name].get("url") or backend.url(reply["thumbnails"][name]["filename"])
        with urllib.request.urlopen(str(url), timeout=20) as response:
            assert max(opened(response.read()).size) == most
    assert contract.bucket.read(reply["original"]["filename"]) == jpeg()
    assert len(contract.bucket.objects()) == 3
