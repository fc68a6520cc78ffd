"""Parts that become one file: without a second copy where the file system can share extents, by copying elsewhere."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.partials.file.copying import copy
from tests.partials.tripping import in_child
from tests.partials.uploads import Site, nobody, noise, sha
from tests.support.mounting import mount


def copied(folder: Path, content: bytes, at: int) -> bytes:
    """The target, of which `at` bytes were there before."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    target.write_bytes(b"-" * at)
    with source.open("rb") as one, target.open("r+b") as two:
        assert copy(one.fileno(), two.fileno(), len(content), at) == len(content)
    return target.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 4_096, 3_000_001])
@pytest.mark.parametrize("code", [None, errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP])
def test_what_the_kernel_cannot_copy_is_read_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, code: int | None
) -> None:
    def lacking(*_arguments: Any) -> int:
        raise OSError(code, os.strerror(code or 0))

    if code is not None:
        monkeypatch.setattr(os, "copy_file_range", lacking)
    content = noise(size)
    assert copied(tmp_path, content, 7) == b"-" * 7 + content


def test_a_copy_that_the_kernel_ends_early_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.copy_file_range
    answers = iter([10_000, 0])

    def short(source: int, target: int, size: int, at: int, to: int) -> int:
        return real(source, target, most, at, to) if (most := next(answers, 0)) else 0

    monkeypatch.setattr(os, "copy_file_range", short)
    content = noise(50_000)
    assert copied(tmp_path, content, 3) == b"---" + content


def test_a_full_disk_is_told_and_not_worked_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="No space"):
        copied(tmp_path, b"content", 0)


def test_a_source_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"short")
    (tmp_path / "target").touch()
    with (
        (tmp_path / "source").open("rb") as one,
        (tmp_path / "target").open("r+b") as two,
        pytest.raises(OSError, match="shorter"),
    ):
        copy(one.fileno(), two.fileno(), 100, 0)


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """An XFS, which shares extents."""
    image, place = folder / "disk", folder / "mount"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    place.mkdir()
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    mount("-o", "loop", image, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.needs("mkfs.xfs", "losetup")
def test_on_xfs_the_parts_and_the_file_share_their_bytes(tmp_path: Path) -> None:
    """Two parts of 32 MiB, and the file of both: 64 MiB on the disk and not 128."""
    size = 32 << 20

    def put_together(place: Path) -> None:
        site = Site(place)
        parts = []
        for number in range(2):
            name = f"part-number-{number}"
            parts.append(site.open(size, name, fragment=True))
            site.write(0, noise(size, number), name)
        os.sync()
        before = used(place)
        with site.open(2 * size) as final:
            site.resumable.append(final, parts)
            site.resumable.finish(site.request(), final, nobody)
        os.sync()
        assert used(place) - before < 1 << 20
        assert site.files() == {"a.bin": sha(noise(size, 0) + noise(size, 1))}

    with mounted(tmp_path) as place:
        assert in_child(lambda: put_together(place)) == 0


def used(place: Path) -> int:
    info = os.statvfs(place)
    return (info.f_blocks - info.f_bfree) * info.f_frsize
