"""The private folder: what dead processes left goes, what is alive stays.

What lives here: sweeps, locks, forks, ends of processes. `BackendContract` has the killed process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.files import private
from ajaxupload.testing.driving import Crash, begin, elsewhere, finish, open_descriptors
from tests.backends.stores import MANNERS, NamedLocal, Store, below

pytestmark = pytest.mark.slow

each_manner = pytest.mark.parametrize("cls", MANNERS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, NamedLocal).started()


def locks(store: Store) -> list[str]:
    return [name for name in below(store.private) if name.endswith(".lock")]


def killed(store: Store) -> str:
    """What a process that was killed in the middle of an upload left."""
    before = set(store.leftovers())
    assert elsewhere(Crash(store.backend(), "upload_chunk"), "a.txt", b"half") == -signal.SIGKILL
    (left,) = set(store.leftovers()) - before
    return left


def test_a_killed_process_leaves_a_file_and_its_lock_and_clean_removes_both(store: Store) -> None:
    own = locks(store)
    killed(store)
    killed(store)
    assert (len(store.leftovers()), len(locks(store))) == (2, len(own) + 2)
    assert store.backend().clean() == 2
    assert (store.leftovers(), locks(store)) == ([], own)


def test_clean_spares_what_changed_lately_if_told_so(store: Store) -> None:
    killed(store)
    assert store.backend().clean(older_than=3600) == 0
    assert len(store.leftovers()) == 1
    assert store.backend().clean(older_than=0) == 1


def test_clean_where_nothing_was_ever_stored_does_nothing(tmp_path: Path) -> None:
    assert Store(tmp_path).backend().clean() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_its_lock_is_spared_for_a_minute(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deleted the lock by hand: its process may live."""
    left = store.private / killed(store)
    left.with_name(left.name.partition(".")[0] + ".lock").unlink()
    assert store.backend().clean() == 0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert store.backend().clean() == 1


def test_clean_leaves_alone_what_is_not_its_own(store: Store) -> None:
    killed(store)
    folder = store.private / "incoming"
    for name in ("notes.txt", "a.part", "0123456789abcdef.part", "secret_key"):
        (folder / name).touch()
    assert store.backend().clean() == 1
    assert len(store.leftovers()) == 4


def test_a_living_process_is_spared_although_its_lock_file_was_deleted(store: Store) -> None:
    backend = store.begun("a.txt")
    for name in locks(store):
        (store.private / name).unlink()
    assert store.backend().clean() == 0
    assert store.upload("b.txt", wait=True)["filename"] == "b.txt"  # with a lock that sweepers can see again
    assert len(locks(store)) == 1
    assert store.backend().clean() == 0
    assert finish(backend, "a.txt")["filename"] == "a.txt"


def test_what_this_process_could_not_remove_goes_with_its_next_sweep(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "no")

    backend = store.begun("a.txt")
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        backend.upload_aborted("a.txt")
    assert len(store.leftovers()) == 1
    assert store.backend().clean() == 1
    assert store.leftovers() == []


@pytest.mark.parametrize("sweeper", ["came and went", "is at it"])
def test_a_sweeper_between_making_and_locking_a_lock_file_harms_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, sweeper: str
) -> None:
    real, seen = fcntl.flock, []

    def flock(fd: int, operation: int) -> None:
        seen.append(fd)
        if len(seen) == 1 and sweeper == "is at it":
            raise BlockingIOError(11, "locked")
        if len(seen) == 1:
            os.unlink(os.readlink(f"/proc/self/fd/{fd}"))
        real(fd, operation)

    shutil.rmtree(store.private)
    monkeypatch.setattr(fcntl, "flock", flock)
    backend = store.begun("a.txt")
    assert len(seen) == 2
    assert elsewhere(_sweep, store.cls, store.options) == 0
    assert finish(backend, "a.txt")["filename"] == "a.txt"


def _sweep(cls: type[LocalUploadBackend], options: dict[str, Any]) -> None:
    cls(**options).startup()


def test_a_folder_that_was_moved_away_and_made_again_is_another_one(store: Store) -> None:
    """A lock in the old folder protects nothing in the new one."""
    old = store.begun("old.txt")
    store.private.rename(store.private.with_name("moved"))
    new = store.begun("new.txt")
    assert len(locks(store)) == 1
    assert elsewhere(_sweep, store.cls, store.options) == 0
    assert finish(new, "new.txt")["filename"] == "new.txt"
    old.upload_aborted("old.txt")


@each_manner
def test_a_process_that_ends_leaves_no_lock(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls)
    assert elsewhere(_upload_and_end, cls, store.options) == 0
    assert store.stored() == ["a.txt"]
    assert below(store.private) == []


def _upload_and_end(cls: type[LocalUploadBackend], options: dict[str, Any]) -> None:
    cls(**options).startup()
    backend = cls(**options)
    begin(backend, "a.txt")
    backend.upload_waits("a.txt")
    finish(backend, "a.txt")


@each_manner
def test_a_forked_child_takes_nothing_from_its_parent(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """Servers fork: neither a child's end nor its sweep may hurt what the parent is storing."""
    store = Store(tmp_path, cls)
    assert elsewhere(_fork, cls, store.options) == 0
    assert store.stored() == ["child.txt", "parent.txt"]
    assert below(store.private) == []


def _fork(cls: type[LocalUploadBackend], options: dict[str, Any]) -> None:
    cls(**options).startup()
    backend = cls(**options)
    begin(backend, "parent.txt")
    backend.upload_waits("parent.txt")
    guard = private._process.guard
    guard.acquire()  # as if another thread of the parent were at it at that moment
    child = os.fork()
    if child == 0:
        own = cls(**options)
        begin(own, "child.txt")
        own.upload_waits("child.txt")
        assert own.clean() == 0
        finish(own, "child.txt")
        backend.upload_aborted("parent.txt")
        sys.exit()
    guard.release()
    assert os.waitpid(child, 0)[1] == 0
    finish(backend, "parent.txt")


def test_the_lock_ends_with_the_process_although_a_program_it_started_lives_on(tmp_path: Path) -> None:
    """A lock that a child program inherited would keep a dead worker's files for ever."""
    store = Store(tmp_path, NamedLocal).started()
    sleeper = elsewhere_with_child(store)
    try:
        assert len(store.leftovers()) == 1
        assert store.backend().clean() == 1
    finally:
        os.kill(sleeper, signal.SIGKILL)


def elsewhere_with_child(store: Store) -> int:
    """A process that starts another program in the middle of an upload and is killed. Returns the program's pid."""
    pid_file = store.private / "pid"
    assert elsewhere(_start_and_die, store.cls, store.options, str(pid_file)) == -signal.SIGKILL
    pid = int(pid_file.read_text())
    pid_file.unlink()
    return pid


def _start_and_die(cls: type[LocalUploadBackend], options: dict[str, Any], pid_file: str) -> None:
    backend = cls(**options)
    begin(backend, "a.txt")
    sleeper = subprocess.Popen(["sleep", "60"])
    Path(pid_file).write_text(str(sleeper.pid))
    os.kill(os.getpid(), signal.SIGKILL)


def test_many_private_folders_do_not_collect_descriptors(tmp_path: Path) -> None:
    before = open_descriptors(tmp_path)
    for number in range(40):
        (tmp_path / str(number)).mkdir()
        Store(tmp_path / str(number), NamedLocal).started().upload("a.txt")
    assert open_descriptors(tmp_path) <= before + 10


@each_manner
def test_a_thousand_aborts_leave_everything_as_it_was(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls, DURABLE=False).started()
    store.upload("first.txt", wait=True)
    before = open_descriptors(tmp_path), sorted(tmp_path.rglob("*"))
    for number in range(1000):
        backend = store.begun("folder/a.txt")
        if number % 3 == 1:
            backend.upload_waits("folder/a.txt")
        if number % 3 == 2:
            finish(backend, "folder/a.txt")
        backend.upload_aborted("folder/a.txt")
    assert (open_descriptors(tmp_path), sorted(tmp_path.rglob("*"))) == before


@each_manner
def test_nothing_unfinished_is_ever_seen_in_the_served_folder(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """Listing it between all steps of an upload shows finished files only."""
    store = Store(tmp_path, cls).started()
    for number in range(5):
        backend = store.begun(f"{number}.txt")
        assert len(store.stored()) == number
        backend.upload_waits(f"{number}.txt")
        assert len(store.stored()) == number
        finish(backend, f"{number}.txt")
        assert {(store.root / name).read_bytes() for name in store.stored()} == {b"content"}
