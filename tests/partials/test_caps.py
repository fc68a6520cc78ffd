"""Caps on open uploads and on the bytes that they reserve: 429 and 507, and no two take the last place."""

from __future__ import annotations

import os
import posix
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ajaxupload.errors import StorageFull, TooManyRequests, UploadError
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from ajaxupload.partials.file.tally import Caps
from tests.partials.tripping import in_child
from tests.partials.uploads import kept_in, made, path_of, put, remains

FULL = {"uploads": TooManyRequests, "own_uploads": TooManyRequests, "size": StorageFull, "own_size": StorageFull}


def uploads(store: FilePartials, size: int | None = 10, who: str | None = None) -> Iterator[None]:
    """One more upload of this person at each step."""
    for number in range(1000):
        made(store, size, f"upload-{who}-{number:04}", principal=who).close()
        yield


@contextmanager
def refused(cap: str) -> Iterator[None]:
    with pytest.raises(FULL[cap]):
        yield


@pytest.mark.parametrize("cap", ["uploads", "size"])
def test_caps_in_all_count_everybody(tmp_path: Path, cap: str) -> None:
    store = kept_in(tmp_path, caps=Caps(**{cap: 3 if cap == "uploads" else 35}))
    alice, bob = uploads(store, who="alice"), uploads(store, who="bob")
    next(alice), next(bob), next(alice)
    with refused(cap):
        next(bob)


@pytest.mark.parametrize("cap", ["own_uploads", "own_size"])
def test_a_persons_caps_are_that_persons_and_strangers_are_not_one(tmp_path: Path, cap: str) -> None:
    store = kept_in(tmp_path, caps=Caps(**{cap: 2 if cap == "own_uploads" else 25}))
    alice, bob, stranger = uploads(store, who="alice"), uploads(store, who="bob"), uploads(store)
    next(alice), next(alice), next(bob)
    with refused(cap):
        next(alice)
    for _ in range(5):
        next(stranger)


def test_an_ended_or_removed_upload_makes_place(tmp_path: Path) -> None:
    store = kept_in(tmp_path, caps=Caps(uploads=1))
    for number, end in enumerate(("remove", "drop_data")):
        with made(store, upload_id=f"upload-{number:04}") as one:
            with refused("uploads"):
                made(store, upload_id="too-many-of-them")
            getattr(one, end)()


def test_who_is_refused_leaves_nothing(tmp_path: Path) -> None:
    store = kept_in(tmp_path, caps=Caps(size=50))
    with refused("size"):
        made(store, size=51)
    assert remains(store) == []
    made(store, size=50).close()


def test_an_unknown_size_reserves_the_most_until_it_is_known(tmp_path: Path) -> None:
    store = kept_in(tmp_path, caps=Caps(size=100), unknown=80)
    with made(store, None, "upload-unknown") as one:
        with refused("size"):
            made(store, 30, "upload-too-much")
        put(one, b"abc")
        one.declare(10)
        made(store, 90, "upload-that-fits").close()
        with refused("size"):
            made(store, 1, "upload-too-much")


def test_the_same_upload_again_is_not_counted_twice(tmp_path: Path) -> None:
    store = kept_in(tmp_path, caps=Caps(uploads=1))
    made(store).close()
    partial, new = store.create(Record("upload-0123456789", "/upload", size=100))
    partial.close()
    assert not new


def test_what_was_counted_in_without_a_size_is_counted_out_with_one(tmp_path: Path) -> None:
    """The record of a whole file: made before the file is known to be complete, it reserves nothing."""
    with kept_in(tmp_path).create(Record("whole-file-1", "/u", size=0))[0] as partial:
        partial.record.size, partial.record.state = 5, "complete"
        partial.save()
        partial.drop_data()
    assert not list(tmp_path.rglob("whole-file-1.0"))
    assert not list(tmp_path.rglob("whole-file-1.5"))


def test_an_unreadable_upload_gives_its_place_back_whose_ever_it_was(tmp_path: Path) -> None:
    store = kept_in(tmp_path, caps=Caps(uploads=1))
    made(store, principal="alice").close()
    path_of(store, ".json").write_bytes(b"")
    partial, new = store.create(Record("upload-0123456789", "/upload", size=100, principal="bob"))
    partial.close()
    assert new
    assert len([name for name in remains(store) if name.startswith("open/")]) == 1


def test_a_file_that_is_larger_than_the_disk_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    with pytest.raises(StorageFull):
        made(store, size=free * 2)
    assert remains(store) == []


@pytest.mark.slow
def test_eight_processes_take_exactly_the_places_that_there_are(tmp_path: Path) -> None:
    """Four processes' worth of one person and four of others, 40 tries each; 50 places."""
    store = kept_in(tmp_path, caps=Caps(uploads=50, own_uploads=20), durable=False)

    def grab(who: int) -> None:
        refusals = 0
        for number in range(40):
            name = "alice" if who < 4 else f"person-{who}"
            try:
                made(store, 1, f"upload-{who}-{number:04}", principal=name).close()
            except UploadError:
                refusals += 1
        assert refusals

    def fork() -> None:
        pids = []
        for who in range(8):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    grab(who)
                    code = 0
                finally:
                    posix._exit(code)
            pids.append(pid)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 8

    assert in_child(fork) == 0
    records = [name for name in remains(store) if name.endswith(".json")]
    assert len(records) == 50
    mine = [store.find(Path(name).stem) for name in records]
    assert sum(each.record.principal == "alice" for each in mine) <= 20
    for each in mine:
        each.close()
