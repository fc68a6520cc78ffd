"""The backend `local` among many and among enemies: races for names, planted links, hostile names (F17, F18).

What lives here: threads and processes against one folder. The promises: nothing is overwritten, nothing is written
outside, nothing hangs.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import NameTaken, NotFound
from ajaxupload.testing.driving import begin, elsewhere, finish, noise
from tests.backends.stores import MANNERS, Store
from tests.support.tally import Tally

each_manner = pytest.mark.parametrize("cls", MANNERS)
each_wait = pytest.mark.parametrize("wait", [False, True], ids=["at once", "after waiting"])


def together(*jobs: Callable[[], object]) -> None:
    """Run all at the same time, each in a thread; what one raises, this raises."""
    errors: list[Exception] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - it is raised again in the main thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "something hangs"
    if errors:
        raise errors[0]


def upload_many(folder: str, cls: type[LocalUploadBackend], worker: int, count: int) -> None:
    """What one process does: uploads of one name, in a new folder, each content its own."""
    store = Store(Path(folder), cls)
    for number in range(count):
        store.upload("new/race.bin", f"{worker}-{number}".encode(), wait=number % 2 == 0)
        if number % 10 == 0:
            store.backend().startup()


@pytest.mark.slow
@each_manner
def test_processes_that_race_for_one_name_all_keep_their_files(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """Each also does now and then what a starting worker does: sweep."""
    store = Store(tmp_path, cls).started()
    results: list[int] = []

    def process(worker: int) -> None:
        results.append(elsewhere(upload_many, str(tmp_path), cls, worker, 60))

    together(*(partial(process, worker) for worker in range(4)))
    assert results == [0] * 4
    contents = {(store.root / name).read_text() for name in store.stored()}
    assert contents == {f"{worker}-{number}" for worker in range(4) for number in range(60)}
    assert (len(store.stored()), store.leftovers()) == (240, [])


def test_exactly_one_of_many_wins_where_collisions_are_errors(tmp_path: Path) -> None:
    store = Store(tmp_path, COLLISION="error").started()
    won: list[bytes] = []
    start = threading.Barrier(16)

    def one(content: bytes) -> None:
        backend = store.begun("a.txt", content)
        start.wait(30)
        try:
            finish(backend, "a.txt")
            won.append(content)
        except NameTaken:
            backend.upload_aborted("a.txt")

    together(*(partial(one, b"%d" % number) for number in range(16)))
    assert won == [(store.root / "a.txt").read_bytes()]
    assert (store.stored(), store.leftovers()) == (["a.txt"], [])


@each_manner
def test_aborts_that_remove_folders_do_not_hurt_those_who_need_them(
    tmp_path: Path, cls: type[LocalUploadBackend]
) -> None:
    """One takes away the folders that it made while others put files there."""
    store = Store(tmp_path, cls, DURABLE=False).started()

    def undo() -> None:
        for _ in range(300):
            backend = store.begun("new/newer/undone.txt", b"undone")
            finish(backend, "new/newer/undone.txt")
            backend.upload_aborted("new/newer/undone.txt")

    def keep(worker: int) -> None:
        for number in range(150):
            name = store.upload("new/newer/kept.txt", f"{worker}-{number}".encode())["filename"]
            assert (store.root / name).read_text() == f"{worker}-{number}"
            store.backend().delete(name)

    together(undo, undo, partial(keep, 1), partial(keep, 2))
    assert (store.stored(), store.leftovers()) == ([], [])


@each_manner
def test_a_folder_that_is_removed_just_before_the_link_is_made_again(
    tmp_path: Path, cls: type[LocalUploadBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, real, seen = Store(tmp_path, cls).started(), os.link, []
    backend = store.begun("new/newer/a.txt")

    def link(*args: Any, **kwargs: Any) -> None:
        seen.append(args)
        if len(seen) < 4:
            shutil.rmtree(store.root / "new")
        real(*args, **kwargs)

    monkeypatch.setattr(os, "link", link)
    assert finish(backend, "new/newer/a.txt")["filename"] == "new/newer/a.txt"
    assert (len(seen), store.stored()) == (4, ["new/newer/a.txt"])


def test_the_thousandth_file_of_a_name_is_as_quick_as_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name is probed twice: one try and one with a random suffix (CVE-2014-0481 was a counter)."""
    store = Store(tmp_path, DURABLE=False).started()
    names = {store.upload("a.txt")["filename"] for _ in range(1000)}
    assert len(names) == 1000
    tried, real = [], os.link

    def link(*args: Any, **kwargs: Any) -> None:
        tried.append(args[1])
        real(*args, **kwargs)

    monkeypatch.setattr(os, "link", link)
    store.upload("a.txt")
    assert len(tried) == 2


# ---- names


@pytest.mark.parametrize(
    "name",
    ["../escape.txt", "a/../../escape.txt", "/etc/escape.txt", "a//b.txt", "", "/", ".", "..", "a/", "./a.txt", "a/./b",
     "a\0b.txt", "x" * 256, "é" * 128, "lone\ud800surrogate.txt", "\udcff.txt"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused_before_the_first_byte(tmp_path: Path, name: str) -> None:
    """Whatever somebody's update_filename returns."""
    store = Store(tmp_path).started()
    before = sorted(tmp_path.rglob("*"))
    backend = store.backend()
    with pytest.raises(ValueError, match=r"stored name|surrogates"):
        backend.setup(name)
    backend.upload_aborted(name)
    with pytest.raises(NotFound):
        store.backend().open(name)
    with pytest.raises(NotFound):
        store.backend().delete(name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_changes_between_hooks_cannot_lead_elsewhere(tmp_path: Path) -> None:
    store = Store(tmp_path).started()
    backend = store.begun("a.txt")
    with pytest.raises(ValueError, match="stored name"):
        finish(backend, "../escape.txt")
    backend.upload_aborted("../escape.txt")
    assert (store.stored(), store.leftovers()) == ([], [])


# ---- what somebody planted


@each_manner
@each_wait
def test_a_planted_folder_link_is_not_followed(tmp_path: Path, cls: type[LocalUploadBackend], wait: bool) -> None:
    store, outside = Store(tmp_path, cls).started(), tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (store.root / "album").symlink_to(outside)
    backend = store.begun("album/a.txt")
    if wait:
        backend.upload_waits("album/a.txt")
    with pytest.raises(NameTaken):
        finish(backend, "album/a.txt")
    backend.upload_aborted("album/a.txt")
    for ability in (store.backend().open, store.backend().delete):
        with pytest.raises(NotFound):
            ability("album/secret.txt")
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize("collision", ["suffix", "replace"])
@pytest.mark.parametrize("target", ["exists.txt", "missing.txt"])
def test_a_planted_file_link_is_neither_written_nor_read_through(tmp_path: Path, collision: str, target: str) -> None:
    store = Store(tmp_path, COLLISION=collision).started()
    (tmp_path / "exists.txt").write_text("precious")
    (store.root / "a.txt").symlink_to(tmp_path / target)
    for ability in (store.backend().open, store.backend().delete):
        with pytest.raises(NotFound):
            ability("a.txt")
    name = store.upload("a.txt")["filename"]
    assert (name == "a.txt") == (collision == "replace")
    assert not (store.root / name).is_symlink()
    assert (tmp_path / "exists.txt").read_text() == "precious"
    assert not (tmp_path / "missing.txt").exists()


def test_a_planted_pipe_or_device_stops_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path).started()
    os.mkfifo(store.root / "pipe")
    for ability in (store.backend().open, store.backend().delete):
        with pytest.raises(NotFound):
            ability("pipe")
    assert store.upload("pipe")["filename"] != "pipe"


def test_the_root_itself_may_be_or_lie_behind_links(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mé dia").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/uploads").symlink_to(tmp_path / "elsewhere")
    store = Store(tmp_path).started()
    assert store.upload("new/a.txt", wait=True)["path"] == "uploads/new/a.txt"
    assert (tmp_path / "elsewhere/new/a.txt").read_bytes() == b"content"
    with store.backend().open("new/a.txt") as file:
        assert file.read() == b"content"


@pytest.mark.slow
@pytest.mark.parametrize("many", [1_000, pytest.param(100_000, marks=pytest.mark.faults)])
@each_manner
def test_somebody_who_swaps_folders_for_links_gets_nothing_outside(
    tmp_path: Path, tally: Tally, cls: type[LocalUploadBackend], many: int
) -> None:
    store, outside, done = Store(tmp_path, cls, DURABLE=False).started(), tmp_path / "outside", threading.Event()
    (outside / "deep").mkdir(parents=True)
    album, link = store.root / "album", tmp_path / "link"
    album.mkdir()
    link.symlink_to(outside)
    outcomes: list[bool] = []
    swaps: list[None] = []

    def swap() -> None:
        libc = ctypes.CDLL(None)
        while not done.is_set():
            assert libc.renameat2(-100, os.fsencode(link), -100, os.fsencode(album), 2) == 0  # RENAME_EXCHANGE
            swaps.append(None)

    def use() -> None:
        try:
            while len(outcomes) < 400 or len(set(outcomes)) < 2 or len(swaps) < many:
                backend = store.begun("album/deep/a.txt", noise(100))
                try:
                    finish(backend, "album/deep/a.txt")
                    outcomes.append(True)
                except NameTaken:
                    backend.upload_aborted("album/deep/a.txt")
                    outcomes.append(False)
        finally:
            done.set()

    together(swap, use)
    assert [str(path.relative_to(outside)) for path in outside.rglob("*")] == ["deep"]
    assert store.leftovers() == []
    tally("F18", "folders swapped for links under uploads", runs=len(outcomes), faults=len(swaps))


@each_manner
def test_a_setup_that_fails_is_aborted_without_harm(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls)  # never started: MEDIA_ROOT does not exist
    backend = store.backend()
    with pytest.raises(FileNotFoundError):
        begin(backend, "a.txt")
    backend.upload_aborted("a.txt")
    assert list(tmp_path.iterdir()) == []
