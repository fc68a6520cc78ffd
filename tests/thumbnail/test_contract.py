"""The backend `thumbnail` keeps the contract of all backends, in front of more than one store.

What is sent is a picture, and what is stored of it must be a small picture of that one and no other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.testing import BackendContract
from ajaxupload.testing.driving import noise
from tests.backends.stores import Store
from tests.thumbnail.pictures import Shelf, opened, png_of

pytestmark = pytest.mark.slow  # the same promises in front of each kind of store


class ThumbnailContract(BackendContract):
    """With a size of 16x16 pixels, which a picture of noise says its seed by."""

    threads = 12  # each waits for a process that decodes
    options: ClassVar[dict[str, Any]] = {"DIMENSION": "16x16", "FORMAT": "png"}

    def make_store(self) -> Any:
        """What STORE is given."""
        raise NotImplementedError

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return ThumbnailUploadBackend(STORE=self.make_store(), **{**self.options, **options})

    def content(self, size: int, seed: int = 0) -> bytes:
        """A PNG of about `size` bytes; its four by four patches are random by `size` and `seed`."""
        return png_of(noise(16, seed * 1_000_003 + size), max(size - 100, 0))

    def same(self, stored: bytes, sent: bytes) -> bool:
        """Are the patches the same?"""
        seen = opened(stored)
        if seen.size != (16, 16):
            return False
        small = opened(sent).convert("L").resize((4, 4))
        return all(
            abs(grey(seen.convert("L").resize((4, 4)), x, y) - grey(small, x, y)) <= 3
            for x in range(4)
            for y in range(4)
        )


def grey(picture: Any, x: int, y: int) -> int:
    value = picture.getpixel((x, y))
    assert isinstance(value, int)
    return value


class InMemory(ThumbnailContract):
    @pytest.fixture(autouse=True)
    def _empty(self) -> None:
        Shelf.clear()

    def make_store(self) -> Any:
        return Shelf

    def stored(self) -> Collection[str]:
        return list(Shelf.files)

    def leftovers(self) -> Collection[str]:
        return []


class TestInFrontOfMemory(InMemory):
    pass


class TestInThisProcess(InMemory):
    options: ClassVar[dict[str, Any]] = {**ThumbnailContract.options, "SANDBOX": False}


class TestInTinyPieces(InMemory):
    options: ClassVar[dict[str, Any]] = {**ThumbnailContract.options, "BUFFER_SIZE": 7}


class TestInFrontOfAStoreOfTinyPieces(InMemory):
    def make_store(self) -> Any:
        return {"class": Shelf, "buffer_size": 5}


class TestWithTheOriginal(InMemory):
    """Two files for each upload; the contract sees the thumbnails."""

    options: ClassVar[dict[str, Any]] = {**ThumbnailContract.options, "KEEP_ORIGINAL": True}

    def stored(self) -> Collection[str]:
        originals = [name for name, content in Shelf.files.items() if opened(content).size != (16, 16)]
        thumbnails = [name for name in Shelf.files if name not in originals]
        assert len(originals) >= len(thumbnails), "a thumbnail without its original"
        return thumbnails


class TestInFrontOfLocal(ThumbnailContract):
    store: Store

    @pytest.fixture(autouse=True)
    def _store(self, tmp_path: Path) -> None:
        self.store = Store(tmp_path, MEDIA_URL="/media/").started()

    def make_store(self) -> Any:
        return {"class": "local", **self.store.options}

    def read(self, result: Mapping[str, Any]) -> bytes:
        return Path(self.store.root, result["filename"]).read_bytes()

    def stored(self) -> Collection[str]:
        return self.store.stored()

    def leftovers(self) -> Collection[str]:
        return self.store.leftovers()
