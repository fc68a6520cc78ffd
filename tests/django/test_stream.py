"""The file that a Django storage reads from: once, forwards, however it reads. And the storage's other verbs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, UnsupportedOperation
from pathlib import Path

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.test import override_settings

from ajaxupload.backends.django_storage import DjangoStorageUploadBackend
from ajaxupload.errors import NotFound

HERE = "tests.django.test_stream"


class Curious(InMemoryStorage):
    """A storage that looks at its file in every way before it reads it, and then in odd ways."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        assert (content.readable(), content.writable(), content.seekable()) == (True, False, False)
        assert content.multiple_chunks()
        content.seek(0)
        whole = content.read(3) + content.read(1)
        with pytest.raises(UnsupportedOperation):
            content.seek(0)
        with pytest.raises(UnsupportedOperation):
            content.seek(0, 2)
        whole += content.read() + content.read() + content.read(5)
        return super()._save(name, File(BytesIO(whole), name))  # type: ignore[no-any-return, misc]  # untyped


class Nameless(InMemoryStorage):
    """A storage that cannot even say what is free, nor where anything is."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        raise OSError(5, "no answer")

    def url(self, name: str | None) -> str:
        raise NotImplementedError


class Stuck(InMemoryStorage):
    """A storage that cannot delete."""

    def delete(self, name: str) -> None:
        raise RuntimeError("stuck")


@pytest.fixture(autouse=True)
def aliases(root: Path) -> Iterator[None]:
    own = {name.lower(): {"BACKEND": f"{HERE}.{name}"} for name in ("Curious", "Nameless", "Stuck", "Exact")}
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(root / "folder")}}
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with override_settings(STORAGES={"default": memory, "folder": folder, **own}):
        yield


def stored(alias: str, name: str = "a.txt", content: bytes = b"hello world") -> str:
    backend = DjangoStorageUploadBackend(alias=alias)
    backend.startup()
    backend.setup(name)
    for at in range(len(content)):
        backend.upload_chunk(content[at : at + 1])
    backend.upload_waits(name)
    return str(backend.upload_complete(None, name)["filename"])


@pytest.mark.parametrize("content", [b"", b"x", b"hello", b"hello world" * 99])
def test_a_storage_may_read_in_any_way_and_gets_every_byte_once(content: bytes) -> None:
    backend = DjangoStorageUploadBackend(alias="curious")
    with backend.open(stored("curious", content=content)) as file:
        assert file.read() == content


def test_a_storage_that_fails_before_it_reads_fails_the_upload_and_nothing_is_deleted() -> None:
    backend = DjangoStorageUploadBackend(alias="nameless")
    backend.setup("a.txt")
    with pytest.raises(OSError, match="no answer"):
        for _ in range(99):
            backend.upload_chunk(b"x")
    backend.upload_aborted("a.txt")
    assert backend.url("a.txt") is None


def test_a_storage_that_cannot_delete_is_logged_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    backend = DjangoStorageUploadBackend(alias="stuck")
    backend.setup("a.txt")
    backend.upload_chunk(b"x")
    backend.upload_aborted("a.txt")
    assert "could not delete an aborted upload" in caplog.text


@pytest.mark.parametrize("alias", ["default", "folder"])
def test_what_is_stored_can_be_read_and_deleted_and_nothing_else_can(alias: str) -> None:
    backend, name = DjangoStorageUploadBackend(alias=alias), stored(alias, "in/a.txt")
    with backend.open(name) as file:
        assert file.read() == b"hello world"
    for absent in ("absent.txt", "../a.txt", "/etc/passwd", "in", "in/", ""):
        for verb in (backend.open, backend.delete):
            with pytest.raises(NotFound):
                verb(absent)
    backend.delete(name)
    with pytest.raises(NotFound):
        backend.open(name)
    assert DjangoStorageUploadBackend(alias=alias).clean() == 0


def test_hooks_after_the_end_are_a_fault_of_their_caller() -> None:
    with pytest.raises(RuntimeError, match="setup must be called first"):
        DjangoStorageUploadBackend().upload_chunk(b"x")


def test_without_django_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['django'] = None\n"
        "from ajaxupload.registry import resolve\n"
        "try: resolve('backend', 'django_storage')\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "backend 'django_storage' needs Django: pip install 'ajaxupload[django]'" in said


def test_a_folder_that_cannot_be_stored_to_is_told_at_start(root: Path) -> None:
    (root / "folder").write_bytes(b"a file")
    with pytest.raises(Exception, match="media_root or upload_dir"):
        DjangoStorageUploadBackend(alias="folder").startup()
    assert isinstance(DjangoStorageUploadBackend(alias="folder").storage, FileSystemStorage)


class Exact(InMemoryStorage):
    """A storage that reads as boto3 does: fewer bytes than it asked for are the end."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        parts: list[bytes] = []
        while not parts or len(parts[-1]) == 7:
            parts.append(content.read(7))
        assert content.read(7) == b""
        return super()._save(name, File(BytesIO(b"".join(parts)), name))  # type: ignore[no-any-return, misc]  # untyped


@pytest.mark.parametrize("sizes", [[1] * 23, [7, 7, 7], [8, 6, 1], [20], [3, 50], []], ids=str)
def test_a_read_is_as_long_as_was_asked_for_except_the_last(sizes: list[int]) -> None:
    backend = DjangoStorageUploadBackend(alias="exact")
    backend.setup("a.bin")
    content = bytes(range(sum(sizes)))
    at = 0
    for size in sizes:
        backend.upload_chunk(content[at : at + size])
        at += size
    name = backend.upload_complete(None, "a.bin")["filename"]
    with backend.open(name) as file:
        assert file.read() == content
