"""The record's file: a line for each change, of which the last whole one counts, whatever a crash left behind it."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.errors import NotFound
from ajaxupload.partials.file import FilePartials
from ajaxupload.partials.file.partial import FilePartial
from tests.partials.tripping import KILLED, in_child
from tests.partials.uploads import ID, kept_in, made, path_of, put


@pytest.fixture
def store(tmp_path: Path) -> FilePartials:
    return kept_in(tmp_path)


def noted(partial: FilePartial, word: str) -> None:
    partial.amend(lambda record: record.words.update(note=word))


def note(store: FilePartials) -> str | None:
    with store.find(ID) as found:
        return found.record.words.get("note")


def test_a_change_is_a_line_more_in_the_same_file(store: FilePartials) -> None:
    """An inode that is freed slows the making of every other file on ext4: none is."""
    with made(store) as one:
        first = path_of(store, ".json").stat()
        for word in "ab":
            noted(one, word)
        one.record.state = "complete"
        one.save()
    assert path_of(store, ".json").stat().st_ino == first.st_ino
    assert len(path_of(store, ".json").read_bytes().splitlines()) == 2 * 3 + 1, (
        "an empty line before each that is added"
    )
    assert not path_of(store, ".json.new").exists()
    with store.find(ID) as found:
        assert (found.record.state, found.record.words) == ("complete", {"note": "b"})


@pytest.mark.parametrize("behind", [b"", b"\0" * 5000], ids=["cut", "zeros, as XFS leaves them"])
def test_cut_at_every_byte_of_a_change_it_is_as_before_or_as_after(store: FilePartials, behind: bytes) -> None:
    with made(store) as one:
        noted(one, "before")
        path = path_of(store, ".json")
        begins = path.stat().st_size
        noted(one, "after")
        whole = path.read_bytes()
    for end in range(begins, len(whole)):
        path.write_bytes(whole[:end] + behind)
        assert note(store) == ("before" if end < len(whole) - 1 or behind else "after"), end
        with store.find(ID) as found:
            noted(found, "later")
        assert note(store) == "later", end
    path.write_bytes(whole + behind)
    assert note(store) == "after"


def test_a_file_that_became_long_is_one_line_again(store: FilePartials) -> None:
    with made(store) as one:
        sizes = []
        for number in range(300):
            noted(one, f"{number}" * 100)
            sizes.append(path_of(store, ".json").stat().st_size)
        assert max(sizes) <= 1 << 16
        assert any(later < before for before, later in itertools.pairwise(sizes))
        noted(one, "x" * 100_000)
        noted(one, "y" * 100_000)
        assert len(path_of(store, ".json").read_bytes().splitlines()) == 1
    assert note(store) == "y" * 100_000


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("name", ["write", "fsync", "short"])
def test_a_change_that_fails_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, durable: bool
) -> None:
    store = kept_in(tmp_path, durable=durable)
    if name == "fsync" and not durable:
        return  # nothing is synced
    with made(store) as one:
        noted(one, "before")
        real = os.write
        told = path_of(store, ".json").read_bytes()

        def fail(fd: int, *rest: Any) -> int:
            if name == "short":
                return real(fd, rest[0][:100])
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as failing:
            failing.setattr(os, "fsync" if name == "fsync" else "write", fail)
            with pytest.raises(OSError, match=r"error|space"):
                noted(one, "after")
        assert path_of(store, ".json").read_bytes() == told
        assert note(store) == "before"
        noted(one, "later")
    assert note(store) == "later"


def test_what_fails_is_taken_back_only_where_it_is_the_last(
    store: FilePartials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without flock a lease may run out over a sync that hangs, and somebody else adds a line."""
    with made(store) as one:
        path = path_of(store, ".json")

        def fail(_fd: int) -> None:
            with path.open("ab") as file:
                file.write(b"\n" + line + b"\n")
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        noted(one, "theirs")
        line = path.read_bytes().splitlines()[-1]
        noted(one, "before")
        with monkeypatch.context() as failing:
            failing.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match="error"):
                noted(one, "ours")
    assert note(store) == "theirs"


def test_a_line_whose_writer_died_over_its_sync_is_synced_before_the_bytes_go(
    store: FilePartials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut might leave an open upload without its bytes, though its end was told."""
    with made(store, size=3) as one:
        put(one, b"abc")
        one.sync()

    def dies() -> None:
        with store.find(ID) as found, found.finishing(0):
            monkeypatch.setattr(os, "fsync", lambda _fd: os._exit(KILLED))
            found.amend(lambda record: setattr(record, "state", "complete"))

    assert in_child(dies) == KILLED
    seen: list[str] = []
    fsync, unlink = os.fsync, os.unlink

    def syncing(fd: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    def unlinking(path: str) -> None:
        seen.append(f"gone: {path}")
        unlink(path)

    with monkeypatch.context() as traced:
        traced.setattr(os, "fsync", syncing)
        traced.setattr(os, "unlink", unlinking)
        assert list(store.sweep()) == []
    record, part = str(path_of(store, ".json")), f"gone: {path_of(store, '.part')}"
    assert seen.index(record) < seen.index(part)


def test_a_record_that_has_gone_is_not_made_again(store: FilePartials) -> None:
    with made(store) as one:
        path_of(store, ".json").unlink()
        with pytest.raises(NotFound):
            one.recording.write()
    assert not path_of(store, ".json").exists()
