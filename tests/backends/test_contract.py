"""Our backends keep the contract, and the contract finds those that do not.

What lives here: each backend's subclass of `BackendContract`, and faulty backends that must fail it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.testing import BackendContract
from tests.backends.stores import NamedLocal, Store


class MemoryContract(BackendContract):
    cls: ClassVar[type[MemoryUploadBackend]] = MemoryUploadBackend

    @pytest.fixture(autouse=True)
    def _empty(self) -> None:
        self.cls.clear()

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return self.cls(**options)

    def read(self, result: Mapping[str, Any]) -> bytes:
        name: str = result["filename"]
        return self.cls.files[name]

    def stored(self) -> Collection[str]:
        return list(self.cls.files)

    def leftovers(self) -> Collection[str]:
        return []


class TestMemory(MemoryContract):
    pass


class TestMemoryInTinyPieces(MemoryContract):
    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return super().make_backend(BUFFER_SIZE=7, **options)


class LocalContract(BackendContract):
    cls: ClassVar[type[LocalUploadBackend]] = LocalUploadBackend
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _store(self, tmp_path: Path) -> None:
        self.store = Store(tmp_path, self.cls, **self.options).started()

    def make_backend(self, **options: Any) -> AbstractUploadBackend:
        return self.store.backend(**options)

    def read(self, result: Mapping[str, Any]) -> bytes:
        return (self.store.root / str(result["filename"])).read_bytes()

    def stored(self) -> Collection[str]:
        return self.store.stored()

    def leftovers(self) -> Collection[str]:
        return self.store.leftovers()


class TestLocal(LocalContract):
    options: ClassVar[dict[str, Any]] = {"MEDIA_URL": "/media/"}


class TestLocalNamed(LocalContract):
    cls = NamedLocal


class TestLocalNotDurable(LocalContract):
    options: ClassVar[dict[str, Any]] = {"DURABLE": False, "BUFFER_SIZE": 512}


# ---- faulty backends


class Overwrites(MemoryUploadBackend):
    """django-ajax-uploader's fault: whoever comes last has the name."""

    COLLISION = "replace"
    files: ClassVar[dict[str, bytes]] = {}


class Keeps(MemoryUploadBackend):
    """Keeps what it was only lent."""

    LENT_BUFFER = True
    files: ClassVar[dict[str, bytes]] = {}


class Shows(MemoryUploadBackend):
    """Shows what is not complete."""

    files: ClassVar[dict[str, bytes]] = {}

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        super().upload_chunk(chunk)
        self.files[self.upload.filename] = b"".join(self._chunks or ())


class Forgets(MemoryUploadBackend):
    """Drops what comes in a second chunk."""

    files: ClassVar[dict[str, bytes]] = {}

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        if not self._chunks:
            super().upload_chunk(chunk)


class Leaks(MemoryUploadBackend):
    """Opens what it never closes, and does not hear of aborts."""

    files: ClassVar[dict[str, bytes]] = {}
    opened: ClassVar[list[int]] = []

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        super().setup(filename)
        self.opened.append(os.open(os.devnull, os.O_RDONLY))

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "promise"),
    [
        (Overwrites, "test_the_same_name_twice_keeps_both"),
        (Overwrites, "test_many_at_once_under_one_name_are_all_kept"),
        (Keeps, "test_a_megabyte_in_large_and_small_chunks_is_stored_whole"),
        (Shows, "test_a_file_is_invisible_until_it_is_complete"),
        (Forgets, "test_the_sizes_of_chunks_do_not_matter"),
        (Leaks, "test_no_descriptor_is_left_open"),
        (Leaks, "test_abort_after_any_hook_leaves_nothing"),
    ],
)
def test_the_contract_finds(cls: type[MemoryUploadBackend], promise: str) -> None:
    """Each fault is found by the promise that it breaks."""
    contract = MemoryContract()
    contract.cls = cls  # type: ignore[misc]  # one class for all faults: set on the instance, not the class
    cls.clear()
    try:
        with pytest.raises((AssertionError, TypeError, ValueError)):
            getattr(contract, promise)()
    finally:
        while Leaks.opened:
            os.close(Leaks.opened.pop())
