"""A full disk (F07): 507, the offset is what is on the disk, and it goes on once there is space again."""

from __future__ import annotations

import errno
import posix
import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ajaxupload.errors import StorageFull
from tests.partials.tripping import in_child
from tests.partials.uploads import Site, data_of, noise, put_piece, sha
from tests.support.mounting import mount

MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_on_a_full_disk_the_offset_is_what_is_there_and_it_goes_on_after_space_was_made(small: Path) -> None:
    site = Site(small)
    content = noise(6 * MIB)
    site.open(len(content)).close()
    (small / "ballast").write_bytes(bytes(5 * MIB))
    with pytest.raises(StorageFull):
        site.write(0, content)
    offset = site.status()
    assert 2 * MIB < offset < 3 * MIB
    assert data_of(site.store)[:offset] == content[:offset]
    assert site.status() == offset, "the next one asks, and hears the same"
    with pytest.raises(StorageFull):
        site.write(offset, content[offset:])
    (small / "ballast").unlink()
    site.resume(content, step=MIB)
    assert site.files() == {"a.bin": sha(content)}


def test_a_piece_that_found_no_space_does_not_count(small: Path) -> None:
    site = Site(small)
    content = noise(6 * MIB)
    site.open(len(content)).close()
    (small / "ballast").write_bytes(bytes(5 * MIB))
    with site.find() as partial:
        put_piece(partial, 5 * MIB, content[5 * MIB :])
        blocks = iter([content[: 4 * MIB]])
        with pytest.raises(StorageFull):
            site.resumable.piece(site.request(), partial, 0, 5 * MIB, chunks=lambda: next(blocks, b""))
        assert partial.missing() == [(0, 5 * MIB)]
        (small / "ballast").unlink()
        put_piece(partial, 0, content[: 5 * MIB])
    site.finish()
    assert site.files() == {"a.bin": sha(content)}


def test_what_cannot_fit_is_refused_at_once_and_nothing_is_left_of_it(small: Path) -> None:
    site = Site(small)
    with pytest.raises(StorageFull):
        site.open(9 * MIB)
    assert site.store.sweep() is not None
    site.open(7 * MIB).close()


def test_a_disk_without_a_byte_left_refuses_new_uploads_and_keeps_the_old(small: Path) -> None:
    site = Site(small)
    site.open(3_000).close()
    site.write(0, b"x" * 1_000)
    with suppress(OSError), (small / "ballast").open("wb") as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StorageFull):
        site.open(100, "another-upload")
    assert site.status() == 1_000
    (small / "ballast").unlink()
    site.open(100, "another-upload").close()
    site.write(1_000, b"y" * 2_000)
    site.finish()


@pytest.mark.parametrize("limit", [4_096, 5_000, 123_456])
def test_over_the_processs_own_limit_it_is_the_same(tmp_path: Path, limit: int) -> None:
    """RLIMIT_FSIZE, whose signal Python ignores: EFBIG."""
    site = Site(tmp_path)
    content = noise(200_000)
    site.open(len(content)).close()

    def write() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            site.write(0, content)
        except StorageFull as error:
            assert isinstance(error.__cause__, OSError)
            assert error.__cause__.errno == errno.EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            posix._exit(7)

    assert in_child(write) == 7
    assert site.status() == limit
    site.resume(content)
    assert site.files() == {"a.bin": sha(content)}


def test_the_upload_of_before_goes_on_where_another_fills_the_disk(small: Path) -> None:
    site = Site(small)
    one, two = noise(3 * MIB, 1), noise(7 * MIB, 2)
    site.open(len(one)).close()
    site.open(7 * MIB, "another-upload", name="b.bin").close()
    site.write(0, one[:MIB])
    with pytest.raises(StorageFull):
        site.write(0, two, "another-upload")
    with site.find("another-upload") as greedy:
        site.resumable.abort(site.request(), greedy)
    site.resume(one)
    assert site.files() == {"a.bin": sha(one)}
