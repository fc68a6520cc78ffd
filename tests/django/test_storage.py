"""The backend `django_storage`: over a folder, over memory, over storages that fail or write in ways of their own."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import override_settings
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.django_storage import DjangoStorageUploadBackend
from ajaxupload.errors import ConfigError
from ajaxupload.testing import BackendContract

from .conftest import Site


class Slow(InMemoryStorage):
    """A storage of somebody's own: it reads with read(), in odd sizes, and asks for the size."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        parts, size = [], content.size
        content.seek(0)
        while block := content.read(1013):
            parts.append(block)
        assert sum(map(len, parts)) == size
        return super()._save(name, SimpleUploadedFile("x", b"".join(parts)))  # type: ignore[no-any-return, misc]  # as above


class Failing(InMemoryStorage):
    """A storage that has no room after the first block."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        next(content.chunks())
        raise OSError(28, "No space left on device")


class Late(InMemoryStorage):
    """An object store: a name is free until all of its object came."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        whole = SimpleUploadedFile("x", b"".join(content.chunks()))
        return super()._save(name, whole)  # type: ignore[no-any-return, misc]  # the stubs leave _save out


class Replacing(Late):
    """What replaces files, as S3 storages do unless they are told otherwise."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name


class Lazy(InMemoryStorage):
    """A storage that says it has saved what it has not read."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        return name


class OwnFolder(FileSystemStorage):
    """A folder that is written in a way of its own: the way is respected."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # generic for type checkers only
        return super()._save(name, content)  # type: ignore[no-any-return, misc]  # the stubs leave _save out


HERE = "tests.django.test_storage"


@pytest.fixture(autouse=True)
def aliases(root: Path) -> Iterator[None]:
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    table = {
        "default": files,
        "folder": files | {"OPTIONS": {"location": str(root / "folder"), "base_url": "/folder/"}},
        "own": {"BACKEND": f"{HERE}.OwnFolder", "OPTIONS": {"location": str(root / "own")}},
        "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "slow": {"BACKEND": f"{HERE}.Slow"},
        "failing": {"BACKEND": f"{HERE}.Failing"},
        "lazy": {"BACKEND": f"{HERE}.Lazy"},
        "late": {"BACKEND": f"{HERE}.Late"},
        "replacing": {"BACKEND": f"{HERE}.Replacing"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=table):
        yield
    assert not [thread for thread in threading.enumerate() if thread.name == "ajaxupload-storage"]


def every_file(storage: Storage, folder: str = "") -> list[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return []
    below = (every_file(storage, f"{folder}{each}/") for each in folders)
    return [f"{folder}{name}" for name in files] + [name for names in below for name in names]


class InFolder(DjangoStorageUploadBackend):
    """Over a folder that a process without this one's STORAGES finds as well."""

    FOLDER: str = ""

    @property
    def storage(self) -> Storage:
        return FileSystemStorage(self.FOLDER, "/folder/")


class TestFolder(BackendContract):
    """A FileSystemStorage keeps every promise, invisibility and kill -9 included."""

    @pytest.fixture(autouse=True)
    def started(self, root: Path) -> None:
        self.root = root
        self.make_backend().startup()

    def make_backend(self, **options: Any) -> InFolder:
        return InFolder(folder=str(self.root / "folder"), **options)

    def stored(self) -> list[str]:
        return every_file(self.make_backend().storage)

    def leftovers(self) -> list[str]:
        private = self.root / ".folder.ajaxupload"
        return [path.name for path in private.rglob("*") if path.is_file() and path.suffix != ".lock"]


def upload(backend: DjangoStorageUploadBackend, name: str, chunks: list[bytes]) -> dict[str, Any]:
    backend.startup()
    filename = backend.update_filename(None, name)
    backend.upload.filename = filename
    backend.setup(filename)
    for chunk in chunks:
        backend.upload_chunk(chunk)
    return backend.upload_complete(None, filename)


@pytest.mark.parametrize("alias", ["default", "folder", "own", "memory", "slow"])
def test_a_file_is_streamed_into_any_storage_and_has_its_name_and_url(alias: str) -> None:
    backend = DjangoStorageUploadBackend(alias=alias, upload_dir="in")
    backend.upload.size = 30_000
    result = upload(backend, "a b.txt", [b"x" * 10_000] * 3)
    storage = storages[alias]
    assert result["filename"] == backend.upload.filename
    assert result["filename"].startswith("in/a")
    assert result["url"] == storage.url(result["filename"])
    with storage.open(result["filename"]) as file:
        assert file.read() == b"x" * 30_000


@pytest.mark.parametrize("alias", ["folder", "memory", "slow", "own"])
def test_a_taken_name_is_left_alone(alias: str) -> None:
    backend = DjangoStorageUploadBackend(alias=alias, upload_dir="sub")
    backend.upload.size = 5
    first = upload(backend, "a.txt", [b"first"])
    backend = DjangoStorageUploadBackend(alias=alias, upload_dir="sub")
    backend.upload.size = 6
    second = upload(backend, "a.txt", [b"second"])
    assert first["filename"] != second["filename"]
    for result, content in ((first, b"first"), (second, b"second")):
        with storages[alias].open(result["filename"]) as file:
            assert file.read() == content


def test_a_storage_that_needs_the_size_fails_where_nobody_knows_it() -> None:
    with pytest.raises(AttributeError, match="Unable to determine the file's size"):
        upload(DjangoStorageUploadBackend(alias="slow"), "a.txt", [b"x"])


@pytest.mark.parametrize("alias", ["folder", "memory", "own"])
@pytest.mark.parametrize("chunks", [[], [b"one"], [b"x" * 5000] * 20])
def test_an_aborted_upload_leaves_nothing(alias: str, chunks: list[bytes]) -> None:
    backend = DjangoStorageUploadBackend(alias=alias)
    backend.startup()
    backend.setup("a.txt")
    for chunk in chunks:
        backend.upload_chunk(chunk)
    backend.upload_aborted("a.txt")
    backend.upload_aborted("a.txt")
    assert every_file(storages[alias]) == []


@pytest.mark.parametrize("alias", ["folder", "memory", "own", "late", "replacing"])
def test_two_uploads_of_one_name_at_a_time_are_both_kept_and_neither_takes_the_other_along(alias: str) -> None:
    backends = [DjangoStorageUploadBackend(alias=alias) for _ in range(3)]
    for number, backend in enumerate(backends):
        backend.startup()
        backend.setup("a.txt")
        backend.upload_chunk(b"%d" % number)
    names = [backend.upload_complete(None, "a.txt")["filename"] for backend in backends[:2]]
    backends[2].upload_aborted("a.txt")
    assert sorted(every_file(storages[alias])) == sorted(names)
    for number, name in enumerate(names):
        with storages[alias].open(name) as file:
            assert file.read() == b"%d" % number


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("alias", ["folder", "late", "replacing"])
def test_a_broken_upload_leaves_the_file_that_had_its_name_before(alias: str, unique: bool) -> None:
    storages[alias].save("photo.jpg", SimpleUploadedFile("x", b"from last year"))
    backend = DjangoStorageUploadBackend(alias=alias, unique=unique)
    backend.startup()
    backend.setup("photo.jpg")
    backend.upload_chunk(b"half")
    backend.upload_aborted("photo.jpg")
    assert every_file(storages[alias]) == ["photo.jpg"]
    with storages[alias].open("photo.jpg") as file:
        assert file.read() == b"from last year"


def test_a_storage_is_left_to_name_files_where_that_is_asked_for() -> None:
    for content in (b"first", b"second"):
        result = upload(DjangoStorageUploadBackend(alias="replacing", unique=False), "me.jpg", [content])
        assert result["filename"] == "me.jpg"
    assert every_file(storages["replacing"]) == ["me.jpg"]


@pytest.mark.parametrize("alias", ["folder", "memory"])
def test_a_published_file_is_taken_back_when_another_of_its_request_fails(alias: str) -> None:
    backend = DjangoStorageUploadBackend(alias=alias)
    upload(backend, "a.txt", [b"x"])
    assert every_file(storages[alias])
    backend.upload_aborted("a.txt")
    assert every_file(storages[alias]) == []


def test_a_storage_without_room_fails_the_upload_at_the_next_chunk_or_at_the_end() -> None:
    backend = DjangoStorageUploadBackend(alias="failing")
    backend.setup("a.txt")
    with pytest.raises(OSError, match="No space left"):
        for _ in range(1000):
            backend.upload_chunk(b"x" * 1000)
    backend.upload_aborted("a.txt")
    assert every_file(storages["failing"]) == []


def test_a_storage_that_does_not_read_its_file_to_the_end_has_not_stored_it() -> None:
    with pytest.raises(RuntimeError, match=r"Lazy.save\(\) did not read its file"):
        upload(DjangoStorageUploadBackend(alias="lazy"), "a.txt", [b"x"])


def test_an_unknown_alias_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="no storage 'folders' in STORAGES"):
        DjangoStorageUploadBackend(alias="folders").startup()


def test_a_folders_file_has_the_modes_that_django_is_told(root: Path) -> None:
    with override_settings(FILE_UPLOAD_PERMISSIONS=0o640):
        result = upload(DjangoStorageUploadBackend(alias="folder"), "a.txt", [b"x"])
    assert stat.S_IMODE((root / "folder" / result["filename"]).stat().st_mode) == 0o640


def test_the_replys_name_assigns_to_a_file_field_through_the_view(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(backend="django_storage", alias="memory", upload_dir="in")))
    answer = client.post(
        "/upload/", {"file": SimpleUploadedFile("a.txt", b"content")}, headers={"accept": "application/json"}
    )
    reply = json.loads(answer.content)
    assert reply["success"] is True, reply

    class Attachment(models.Model):  # here, for its field's storage must exist
        file = models.FileField(upload_to="in", storage=storages["memory"])

        class Meta:
            app_label = "storage_tests"

        def __str__(self) -> str:
            return str(self.file.name)

    attachment = Attachment(file=reply["filename"])
    assert attachment.file.read() == b"content"
    assert attachment.file.url == reply["url"]


def test_a_refused_file_leaves_nothing_in_the_storage(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(backend="django_storage", alias="memory", max_size=10)))
    answer = client.post(
        "/upload/", {"file": SimpleUploadedFile("a.txt", b"x" * 11)}, headers={"accept": "application/json"}
    )
    assert answer.status_code == 413
    assert every_file(storages["memory"]) == []
