"""The backend `local`: options, replies, collisions, use as in django-ajax-uploader."""

from __future__ import annotations

import gc
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.config import load
from ajaxupload.errors import NameTaken
from ajaxupload.testing.driving import begin, finish, send
from tests.backends.stores import MANNERS, Store

each_manner = pytest.mark.parametrize("cls", MANNERS)
each_wait = pytest.mark.parametrize("wait", [False, True], ids=["at once", "after waiting"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path).started()


# ---- replies


@pytest.mark.parametrize(
    ("options", "name", "path", "url"),
    [
        ({}, "a b.txt", "uploads/a b.txt", None),
        ({"MEDIA_URL": "/media/"}, "a b.txt", "/media/uploads/a b.txt", "/media/uploads/a%20b.txt"),
        ({"MEDIA_URL": "/media"}, "x/é%.txt", "/media/uploads/x/é%.txt", "/media/uploads/x/%C3%A9%25.txt"),
        ({"MEDIA_URL": "https://cdn.example/m/"}, "a?#.txt", "https://cdn.example/m/uploads/a?#.txt",
         "https://cdn.example/m/uploads/a%3F%23.txt"),
        ({"UPLOAD_DIR": "one/./two/", "MEDIA_URL": "/m/"}, "a.txt", "/m/one/two/a.txt", "/m/one/two/a.txt"),
        ({"UPLOAD_DIR": "", "MEDIA_URL": "/m/"}, "a.txt", "/m/a.txt", "/m/a.txt"),
        ({"MEDIA_URL": ""}, "a.txt", "uploads/a.txt", None),
    ],
)  # fmt: skip
def test_the_reply_tells_path_and_url(
    tmp_path: Path, options: dict[str, Any], name: str, path: str, url: str | None
) -> None:
    reply = Store(tmp_path, **options).started().upload(name)
    assert reply == {"filename": name, "path": path} | ({"url": url} if url else {})


def test_an_absolute_upload_dir_stands_by_itself_and_stays_secret(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    store = Store(tmp_path, UPLOAD_DIR=str(place), MEDIA_URL="/files/").started()
    assert store.upload("a.txt") == {"filename": "a.txt", "path": "/files/a.txt", "url": "/files/a.txt"}
    assert (place / "a.txt").read_bytes() == b"content"


def test_relative_folders_are_relative_to_the_working_directory_at_startup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    LocalUploadBackend(MEDIA_ROOT="media-of-this-test").startup()
    monkeypatch.chdir("/")
    backend = LocalUploadBackend(MEDIA_ROOT="media-of-this-test")
    begin(backend, "a.txt")
    assert finish(backend, "a.txt")["path"] == "uploads/a.txt"
    assert (tmp_path / "media-of-this-test/uploads/a.txt").is_file()
    assert (tmp_path / ".media-of-this-test.ajaxupload/incoming").is_dir()


def test_it_is_configured_by_its_short_name(tmp_path: Path) -> None:
    table = {
        "class": "local",
        "media_root": str(tmp_path),
        "file_mode": "0640",
        "durable": "no",
        "buffer_size": "1 KiB",
    }
    backend = load({"endpoints": {"/upload": {"backend": table}}}).endpoints["/upload"].backend.create()
    assert isinstance(backend, LocalUploadBackend)
    assert (backend.FILE_MODE, backend.DURABLE, backend.BUFFER_SIZE) == (0o640, False, 1024)


# ---- use as in django-ajax-uploader


def test_options_set_on_the_class_at_any_time_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LocalUploadBackend, "_started_in", {})  # where another test of this process has started one
    backend = LocalUploadBackend()
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", "tmp")
    begin(backend, "a.txt")
    assert finish(backend, "a.txt") == {"filename": "a.txt", "path": "tmp/a.txt"}
    assert (tmp_path / "tmp/a.txt").is_file()


def test_a_seed_style_subclass_works(store: Store) -> None:
    class Dated(LocalUploadBackend):
        seen: list[Any] = []  # noqa: RUF012 - as people write it

        def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
            super().update_filename(request, filename, *args, **kwargs)
            return f"{kwargs['album']}/{filename}"

        def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
            super().setup(filename, *args, **kwargs)
            self.seen.append(kwargs)

        def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
            super().upload_chunk(bytes(chunk).upper(), *args, **kwargs)

        def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return super().upload_complete(request, filename, *args, **kwargs) | {"album": kwargs["album"]}

    backend = Dated(**store.options)
    filename = backend.update_filename(None, "a.txt", album="summer")
    backend.setup(filename, album="summer")
    backend.upload_chunk(memoryview(b"abc"), album="summer")
    backend.upload_waits(filename, album="summer")
    reply = backend.upload_complete(None, filename, album="summer")
    assert reply == {"filename": "summer/a.txt", "path": "uploads/summer/a.txt", "album": "summer"}
    assert (store.root / "summer/a.txt").read_bytes() == b"ABC"


def test_a_backend_needs_no_more_than_upload_chunk() -> None:
    class Counts(AbstractUploadBackend):
        count = 0

        def upload_chunk(self, chunk: bytes) -> None:
            self.count += len(chunk)

    backend = Counts()
    name = begin(backend, "a.txt")
    send(backend, [b"abc", b"de"])
    backend.upload_waits(name)
    assert finish(backend, name) == {"filename": "a.txt"}
    backend.upload_aborted(name)
    assert backend.count == 5
    assert (backend.open, backend.delete, backend.url, backend.adopt) == (None, None, None, None)
    assert backend.clean() == 0
    with pytest.raises(NotImplementedError):
        AbstractUploadBackend().upload_chunk(b"x")


def test_hooks_out_of_order_say_so(store: Store) -> None:
    backend = store.backend()
    with pytest.raises(RuntimeError, match="setup"):
        backend.upload_chunk(b"x")
    with pytest.raises(RuntimeError, match="setup"):
        backend.upload_complete(None, "a.txt")


@each_manner
def test_an_upload_that_everybody_forgot_is_cleared_and_told(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls).started()
    backend: LocalUploadBackend | None = store.begun("a.txt")
    with pytest.warns(ResourceWarning, match="neither completed nor aborted"):
        backend = None
        gc.collect()
    assert backend is None
    assert store.leftovers() == []


def test_setup_again_starts_again(store: Store) -> None:
    backend = store.begun("a.txt", b"first")
    begin(backend, "a.txt")
    send(backend, [b"second"])
    assert (store.root / finish(backend, "a.txt")["filename"]).read_bytes() == b"second"
    assert store.leftovers() == []


# ---- collisions


@each_manner
@each_wait
def test_collision_error_refuses_and_leaves_nothing(tmp_path: Path, cls: type[LocalUploadBackend], wait: bool) -> None:
    store = Store(tmp_path, cls, COLLISION="error").started()
    store.upload("a.txt", b"first")
    second = store.begun("a.txt", b"second")
    if wait:
        second.upload_waits("a.txt")
    with pytest.raises(NameTaken):
        finish(second, "a.txt")
    second.upload_aborted("a.txt")
    assert (store.root / "a.txt").read_bytes() == b"first"
    assert (store.stored(), store.leftovers()) == (["a.txt"], [])


@each_manner
@each_wait
def test_collision_replace_replaces_and_keeps_no_copy(
    tmp_path: Path, cls: type[LocalUploadBackend], wait: bool
) -> None:
    store = Store(tmp_path, cls, COLLISION="replace").started()
    for content in (b"first", b"second", b"third"):
        store.upload("a.txt", content, wait=wait)
    assert (store.root / "a.txt").read_bytes() == b"third"
    assert (store.stored(), store.leftovers()) == (["a.txt"], [])


@each_manner
def test_a_replaced_file_returns_when_its_successor_is_aborted(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """Another file of the same request may fail after this one was published."""
    store = Store(tmp_path, cls, COLLISION="replace").started()
    store.upload("a.txt", b"first")
    second = store.begun("a.txt", b"second")
    finish(second, "a.txt")
    second.upload_aborted("a.txt")
    assert (store.root / "a.txt").read_bytes() == b"first"
    del second
    assert (store.stored(), store.leftovers()) == (["a.txt"], [])


def test_an_abort_leaves_alone_what_replaced_it(tmp_path: Path) -> None:
    store = Store(tmp_path, COLLISION="replace").started()
    first = store.begun("a.txt", b"first")
    finish(first, "a.txt")
    store.upload("a.txt", b"second")
    first.upload_aborted("a.txt")
    assert (store.root / "a.txt").read_bytes() == b"second"


@pytest.mark.parametrize("collision", ["suffix", "error", "replace"])
def test_a_folder_of_that_name_is_never_replaced(tmp_path: Path, collision: str) -> None:
    store = Store(tmp_path, COLLISION=collision).started()
    store.upload("name/inner.txt")
    backend = store.begun("name")
    if collision == "suffix":
        assert finish(backend, "name")["filename"].startswith("name-")
    else:
        with pytest.raises(NameTaken):
            finish(backend, "name")
        backend.upload_aborted("name")
    assert (store.root / "name/inner.txt").read_bytes() == b"content"
    assert store.leftovers() == []


def test_a_file_in_the_way_of_a_folder_is_a_name_taken(store: Store) -> None:
    store.upload("name")
    backend = store.begun("name/inner.txt")
    with pytest.raises(NameTaken):
        finish(backend, "name/inner.txt")
    backend.upload_aborted("name/inner.txt")
    assert (store.stored(), store.leftovers()) == (["name"], [])


def test_an_abort_takes_the_folders_that_were_made_for_it(store: Store) -> None:
    store.upload("kept/a.txt")
    backend = store.begun("kept/new/newer/b.txt")
    finish(backend, "kept/new/newer/b.txt")
    backend.upload_aborted("kept/new/newer/b.txt")
    assert sorted(path.name for path in store.root.rglob("*")) == ["a.txt", "kept"]


# ---- abilities


def test_open_starts_at_the_start_and_reads_bytes(store: Store) -> None:
    store.upload("folder/a.txt", b"0123456789")
    file: BinaryIO
    with store.backend().open("folder/a.txt") as file:
        assert (file.read(3), file.seek(8), file.read()) == (b"012", 8, b"89")


@each_manner
def test_delete_works_on_what_was_stored_before_a_restart(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls).started()
    store.upload("folder/a.txt")
    store.started().backend().delete("folder/a.txt")
    assert store.stored() == []


# ---- modes


@each_manner
@each_wait
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o027])
@pytest.mark.parametrize(("file_mode", "dir_mode"), [(0o600, 0o700), (0o644, 0o755), (0o440, 0o2750)])
def test_modes_do_not_depend_on_the_umask(
    tmp_path: Path, cls: type[LocalUploadBackend], wait: bool, umask: int, file_mode: int, dir_mode: int
) -> None:
    before = os.umask(umask)
    try:
        store = Store(tmp_path, cls, FILE_MODE=file_mode, DIR_MODE=dir_mode).started()
        store.upload("one/two/a.txt", wait=wait)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [store.media, *store.media.rglob("*")]}
    folders = dict.fromkeys(("mé dia", "uploads", "one", "two"), dir_mode)
    assert modes == folders | {"a.txt": file_mode}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (store.private, store.private / "incoming")} == {0o700}


def test_folders_keep_the_group_that_their_parent_hands_down(store: Store) -> None:
    store.root.chmod(0o2750)
    store.upload("one/two/a.txt")
    assert [stat.S_IMODE((store.root / name).stat().st_mode) for name in ("one", "one/two")] == [0o2700, 0o2700]
