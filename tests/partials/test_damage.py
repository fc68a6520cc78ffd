"""Damaged files (F26): one upload is lost, with 404 and never 500, the others go on, a sweep clears it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ajaxupload.errors import Conflict, NotFound
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from tests.partials.uploads import ID, kept_in, made, path_of, put, remains

OTHER = "upload-9876543210"
Harm = Callable[[Path], object]


def harmed(tmp_path: Path) -> FilePartials:
    """Two uploads of which one is about to be damaged."""
    store = kept_in(tmp_path, ttl=50.0)
    for each in (ID, OTHER):
        with made(store, upload_id=each, ttl=50.0) as partial:
            put(partial, b"abc")
            partial.sync()
    return store


def age(path: Path, seconds: float) -> None:
    """Make it look older."""
    then = os.stat(path).st_mtime - seconds
    os.utime(path, (then, then))


def is_lost(store: FilePartials) -> bool:
    """404 is its answer; the other upload goes on."""
    with store.find(OTHER) as other:
        assert other.offset == 3
    try:
        store.find(ID).close()
    except NotFound:
        return True
    return False


@pytest.mark.parametrize("extension", [".json", ".log", ".part"])
@pytest.mark.parametrize(
    "harm",
    [
        os.unlink,
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, 2),
        lambda path: path.write_bytes(b"\0" * path.stat().st_size),
        lambda path: path.write_bytes(b"garbage" * 1000),
        lambda path: path.write_bytes(b"[1, 2]"),
        lambda path: path.write_bytes(b'{"format": 999, "crc32": 0, "upload": {}}'),
        lambda path: path.write_bytes(b"[" * 100_000),
    ],
    ids=["missing", "empty", "cut", "zeros", "garbage", "a list", "another version", "deep"],
)
def test_one_damaged_file_loses_that_upload_and_no_other(tmp_path: Path, extension: str, harm: Harm) -> None:
    store = harmed(tmp_path)
    harm(path_of(store, extension))
    lost = is_lost(store)
    # Bytes that are there but others than came: nothing here can know. As many as counted are all it takes.
    assert lost or (extension == ".part" and path_of(store, ".part").stat().st_size >= 3)
    for path in path_of(store, "").parent.glob(f"{ID}.*"):
        age(path, 4000)
    list(store.sweep())
    assert [name for name in remains(store) if ID in name and not name.startswith("open/")] == []
    with store.find(OTHER) as other:
        put(other, b"def")
        assert other.offset == 6


@pytest.mark.parametrize("extension", [".json", ".log"])
def test_every_single_byte_that_turns_leaves_the_truth_or_404(tmp_path: Path, extension: str) -> None:
    """With each byte garbled in its turn, the upload is as it was or is not there: never another, never an error."""
    store = harmed(tmp_path)
    path = path_of(store, extension)
    whole = path.read_bytes()
    with store.find(ID) as found:
        truth = (found.offset, found.record)
    lost = 0
    for at in [*range(min(len(whole), 1100)), 2000 % len(whole), 4095 % len(whole)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        try:
            with store.find(ID) as found:
                assert (found.offset, found.record) == truth, at
                found.missing()
        except NotFound:
            lost += 1
    assert lost >= (60 if extension == ".log" else 300)


@pytest.mark.parametrize("extension", [".json", ".log"])
def test_cut_at_every_byte_it_is_404(tmp_path: Path, extension: str) -> None:
    store = harmed(tmp_path)
    path = path_of(store, extension)
    whole = path.read_bytes()
    for length in range(0, len(whole.rstrip(b"\n")), 1 if extension == ".json" else 97):
        path.write_bytes(whole[:length])
        assert is_lost(store), length


def test_fewer_bytes_than_count_are_404_and_not_a_file_with_a_hole(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=6) as one:
        put(one, b"abcdef")
        os.truncate(path_of(store, ".part"), 5)
        with pytest.raises(NotFound):
            one.whole()
    with pytest.raises(NotFound):
        store.find(ID)


@pytest.mark.parametrize("extension", [".json", ".log", ".part"])
@pytest.mark.parametrize("size", [0, 1, 50])
def test_creating_again_in_the_place_of_a_damaged_one_begins_anew(tmp_path: Path, extension: str, size: int) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"x" * 60)
        one.sync()
    os.truncate(path_of(store, extension), size)
    with made(store) as again:
        assert again.offset == 0
        put(again, b"anew")
    with store.find(ID) as found:
        assert found.offset == 4


@pytest.mark.parametrize("left", [(".log",), (".log", ".part"), (".part",), (".json.new", ".part")])
def test_what_a_crash_left_of_a_creation_or_removal_is_no_upload_and_in_nobodys_way(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"old bytes")
    for extension in {".json", ".log", ".part"} - set(left):
        path_of(store, extension).unlink()
    if ".json.new" in left:
        path_of(store, ".json.new").write_bytes(b"half a rec")
    with pytest.raises(NotFound):
        store.find(ID)
    with made(store) as again:
        assert again.offset == 0
        put(again, b"new")
        with again.whole().open() as file:
            assert file.read() == b"new"


def test_an_open_upload_without_its_bytes_is_in_nobodys_way(tmp_path: Path) -> None:
    """As a power cut may leave one that was just finished, where nothing is synced."""
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"old bytes")
    path_of(store, ".part").unlink()
    with pytest.raises(NotFound):
        store.find(ID)
    with made(store) as again:
        put(again, b"new")
        assert again.status() == 3


def test_a_record_of_another_upload_in_its_place_is_not_it(tmp_path: Path) -> None:
    """As a file system that takes "A" and "a" for the same would hand it out."""
    store = kept_in(tmp_path)
    made(store).close()
    made(store, upload_id=ID.upper()).close()
    os.replace(path_of(store, ".json", ID), path_of(store, ".json", ID.upper()))
    with pytest.raises(NotFound):
        store.find(ID.upper())
    with pytest.raises(Conflict):
        store.create(Record(ID.upper(), "/upload", size=1))
    assert path_of(store, ".json", ID.upper()).exists()


@pytest.mark.parametrize(
    "bad", ["", "short", "../../etc/passwd", "a/b-c-d-e-f", "a" * 65, "upload\0-012345", "upläoad-0123", ".json-0123"]
)
def test_an_id_is_never_a_path(tmp_path: Path, bad: str) -> None:
    store = kept_in(tmp_path)
    with pytest.raises(NotFound):
        store.find(bad)
    with pytest.raises(ValueError, match="letters, digits"):
        store.create(Record(bad, "/upload"))


@pytest.mark.parametrize("extension", [".log", ".part", ".json.new"])
def test_a_planted_link_is_not_followed(tmp_path: Path, extension: str) -> None:
    store = kept_in(tmp_path)
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    path = path_of(store, extension)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(victim)
    try:
        partial, _ = store.create(Record(ID, "/upload", size=10))
    except OSError as error:
        assert error.errno == errno.ELOOP
    else:
        with partial:
            put(partial, b"bytes")
    assert victim.read_bytes() == b"untouched"


def test_an_empty_key_is_made_anew_and_all_workers_share_one(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    Path(store.root, "key").write_bytes(b"")
    found = store.key_id("a", "b")
    assert len(Path(store.root, "key").read_bytes()) == 32
    assert kept_in(tmp_path).key_id("a", "b") == found != store.key_id("ab", "")
    assert remains(store) == []


def test_a_key_can_be_asked_for_before_anything_else(tmp_path: Path) -> None:
    store = FilePartials(str(tmp_path / "new" / "partials"))
    assert len(store.key_id("x")) == 22
