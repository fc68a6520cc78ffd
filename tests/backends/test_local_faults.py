"""The backend `local` when the system fails it: any call, once or from then on.

What lives here: failing the n-th call for n = 1, 2, 3 ... until none is left to fail, and real limits. The promises: no
success after a failed call, nothing visible or left behind after a failure, no descriptor lost, the next upload works.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.testing.driving import begin, finish, noise, open_descriptors, send
from tests.backends.stores import MANNERS, Store
from tests.support.tally import Tally

CONTENT = noise(3000)
Codes = tuple[int, ...]
each_manner = pytest.mark.parametrize("cls", MANNERS)


class Fault:
    """Makes a function of `os` fail at its n-th call, and from then on if it is to last."""

    def __init__(self, name: str, code: int, nth: int, *, lasting: bool) -> None:
        self.name, self.code, self.nth, self.lasting = name, code, nth, lasting
        self.calls = 0

    @property
    def happened(self) -> bool:
        return self.calls >= self.nth

    def __enter__(self) -> Fault:
        self.real = getattr(os, self.name)
        setattr(os, self.name, self)
        return self

    def __exit__(self, *error: object) -> None:
        setattr(os, self.name, self.real)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self.nth or (self.lasting and self.happened):
            if self.name == "close":
                self.real(*args)  # close(2): the descriptor is gone even when close fails
            raise OSError(self.code, os.strerror(self.code))
        return self.real(*args, **kwargs)


def attempt(store: Store, *, wait: bool) -> bool:
    """One upload as the engine does it. Returns whether success was told."""
    backend = store.backend()
    try:
        begin(backend, "new/newer/a.txt")
        send(backend, [CONTENT[:1000], CONTENT[1000:]])
        if wait:
            backend.upload_waits("new/newer/a.txt")
        finish(backend, "new/newer/a.txt")
        return True
    except OSError:
        backend.upload_aborted("new/newer/a.txt")
        return False


def check_fault(store: Store, fault: Fault, *, wait: bool, before: tuple[list[str], int]) -> None:
    """One upload with one fault: told, and without a trace."""
    with fault:
        told = attempt(store, wait=wait)
    case = f"{fault.name} {errno.errorcode[fault.code]} at call {fault.nth}, lasting: {fault.lasting}"
    assert told != fault.happened, f"success after a failed call: {case}"
    if told:
        store.backend().delete("new/newer/a.txt")
        shutil.rmtree(store.root / "new")
    assert store.stored() == before[0], f"something stayed visible: {case}"
    assert not (store.root / "new").exists(), f"a folder was left: {case}"
    assert store.leftovers() == [], f"something stayed in private: {case}"
    assert open_descriptors(store.media.parent) == before[1], f"a descriptor was lost: {case}"


def until_none_is_left(check: Callable[[int], Fault]) -> int:
    """`check(n)` for n = 1, 2, 3 ... until the fault does not happen any more. Returns how many did."""
    for nth in range(1, 200):
        if not check(nth).happened:
            return nth - 1
    raise AssertionError("endless")


@pytest.mark.faults(always=True)
@each_manner
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "after waiting"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("open", (errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOSPC, errno.EINTR)),
        ("write", (errno.EIO, errno.ENOSPC, errno.EINTR)),
        ("fsync", (errno.EIO, errno.ENOSPC, errno.EINTR)),
        ("link", (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMLINK)),
        ("close", (errno.EIO, errno.ENOSPC, errno.EINTR)),
        ("fchmod", (errno.EIO, errno.EACCES)),
        ("mkdir", (errno.EIO, errno.ENOSPC, errno.EACCES)),
        ("fstat", (errno.EIO,)),
    ],
)
def test_no_success_after_a_failed_call(
    tmp_path: Path, cls: type[LocalUploadBackend], wait: bool, lasting: bool, name: str, codes: Codes, tally: Tally
) -> None:
    store = Store(tmp_path, cls).started()
    store.upload("kept.txt", wait=True)
    before, failed = (store.stored(), open_descriptors(tmp_path)), 0
    for code in codes:

        def check(nth: int, code: int = code) -> Fault:
            fault = Fault(name, code, nth, lasting=lasting)
            check_fault(store, fault, wait=wait, before=before)
            return fault

        failed += (count := until_none_is_left(check))
        assert count, f"{name} was never called"
    assert attempt(store, wait=wait)
    tally("F04", "a failing call of a whole file", runs=failed, faults=failed)


@each_manner
@pytest.mark.parametrize("name", ["open", "fsync", "link", "rename", "close"])
def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, cls: type[LocalUploadBackend], name: str) -> None:
    store = Store(tmp_path, cls, COLLISION="replace").started()
    store.upload("new/newer/a.txt", b"old", wait=True)
    before = open_descriptors(tmp_path)

    def check(nth: int) -> Fault:
        with Fault(name, errno.EIO, nth, lasting=False) as fault:
            told = attempt(store, wait=False)
        assert told != fault.happened
        assert (store.root / "new/newer/a.txt").read_bytes() == (CONTENT if told else b"old")
        assert (store.stored(), store.leftovers(), open_descriptors(tmp_path)) == (["new/newer/a.txt"], [], before)
        return fault

    assert until_none_is_left(check) >= 1


@each_manner
@pytest.mark.parametrize("name", ["unlink", "stat"])
def test_success_is_whole_also_when_tidying_fails(tmp_path: Path, cls: type[LocalUploadBackend], name: str) -> None:
    """These may fail without harm to the file; what stays in the private folder then goes with the next sweep."""
    store = Store(tmp_path, cls).started()

    def check(nth: int) -> Fault:
        with Fault(name, errno.EIO, nth, lasting=False) as fault:
            told = attempt(store, wait=True)
        assert store.stored() == (["new/newer/a.txt"] if told else [])
        if told:
            assert (store.root / "new/newer/a.txt").read_bytes() == CONTENT
            shutil.rmtree(store.root / "new")
        store.backend().clean()
        assert store.leftovers() == []
        return fault

    assert until_none_is_left(check) >= 1


def test_an_upload_that_failed_cannot_be_completed(tmp_path: Path) -> None:
    """A subclass that swallows the error of a write must not publish half a file."""
    store = Store(tmp_path).started()
    backend = store.begun("a.txt")
    with Fault("write", errno.ENOSPC, 1, lasting=False), pytest.raises(OSError, match="space"):
        backend.upload_chunk(b"more")
    with pytest.raises(OSError, match="failed before"):
        backend.upload_chunk(b"more")
    with pytest.raises(OSError, match="failed before"):
        finish(backend, "a.txt")
    backend.upload_aborted("a.txt")
    assert store.stored() == []


@each_manner
def test_a_published_file_goes_again_even_when_no_descriptor_is_left(
    tmp_path: Path, cls: type[LocalUploadBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync of the folder fails, and from then on nothing can be opened."""
    store = Store(tmp_path, cls).started()
    backend, real = store.begun("new/a.txt"), os.fsync
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    def fsync(fd: int) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            return real(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        raise OSError(errno.EIO, "lost")

    monkeypatch.setattr(os, "fsync", fsync)
    try:
        with pytest.raises(OSError, match="lost"):
            finish(backend, "new/a.txt")
        backend.upload_aborted("new/a.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (list(store.root.iterdir()), store.leftovers()) == ([], [])


def test_a_failed_sync_is_final(tmp_path: Path) -> None:
    """The kernel reports a lost page once; a second fsync would succeed and mean nothing."""
    store = Store(tmp_path).started()
    backend = store.begun("a.txt")
    with Fault("fsync", errno.EIO, 1, lasting=False), pytest.raises(OSError, match=r"Input/output|EIO|error"):
        backend.upload_waits("a.txt")
    with pytest.raises(OSError, match="failed before"):
        finish(backend, "a.txt")
    backend.upload_aborted("a.txt")
    assert store.stored() == []


@contextmanager
def soft_limit(kind: int, limit: int) -> Iterator[None]:
    """A resource limit of this process, for a moment."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@each_manner
def test_a_write_cut_short_by_the_system_is_finished_or_fails(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """RLIMIT_FSIZE cuts one write in the middle and fails the next, as a full disk does."""
    store = Store(tmp_path, cls).started()
    with soft_limit(resource.RLIMIT_FSIZE, 65_536):
        assert store.upload("fits.bin", noise(65_536))
        backend = store.backend()
        begin(backend, "large.bin")
        with pytest.raises(OSError, match="large") as caught:
            send(backend, [noise(100_000)])
        backend.upload_aborted("large.bin")
    assert caught.value.errno == errno.EFBIG
    assert (store.stored(), store.leftovers()) == (["fits.bin"], [])


@each_manner
def test_without_descriptors_it_fails_at_setup_and_recovers(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls).started()
    store.upload("first.txt", wait=True)
    backend = store.backend()
    with soft_limit(resource.RLIMIT_NOFILE, 0):
        with pytest.raises(OSError, match="open files"):
            begin(backend, "a.txt")
        backend.upload_aborted("a.txt")
    assert store.upload("a.txt")["filename"] == "a.txt"


# ---- the place goes away


@each_manner
def test_a_vanished_media_root_is_told_at_setup_and_may_return(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    """An unmounted volume must not be replaced by a folder on another disk."""
    store = Store(tmp_path, cls).started()
    store.upload("a.txt")
    waiting = store.begun("waiting.txt")
    waiting.upload_waits("waiting.txt")
    store.media.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        begin(store.backend(), "b.txt")
    with pytest.raises(FileNotFoundError):
        finish(waiting, "waiting.txt")
    assert not store.media.exists()
    (tmp_path / "away").rename(store.media)
    assert finish(waiting, "waiting.txt")["filename"] == "waiting.txt"
    assert store.upload("b.txt")["filename"] == "b.txt"
    assert store.stored() == ["a.txt", "b.txt", "waiting.txt"]


@each_manner
def test_a_deleted_upload_dir_or_private_folder_is_made_again(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls).started()
    store.upload("a.txt", wait=True)
    for folder in (store.root, store.private, store.private / "incoming"):
        shutil.rmtree(folder)
        assert store.upload("folder/b.txt", wait=True)["filename"].startswith("folder/b")
    assert len(store.stored()) == 3
    assert store.leftovers() == []


@each_manner
def test_an_upload_dir_that_went_meanwhile_is_made_again(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls).started()
    backend = store.begun("folder/a.txt")
    shutil.rmtree(store.root)
    assert finish(backend, "folder/a.txt")["filename"] == "folder/a.txt"
    assert (store.stored(), store.leftovers()) == (["folder/a.txt"], [])
