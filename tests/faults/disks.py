"""File systems of a test's own, in files: made, mounted, copied in one moment.

What lives here: loop devices, mounts, and a copy that is of one moment (the file that holds the disk is cloned by the
file system that holds the file). What must not: uploads. All of it takes root; who is not skips.
"""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.mounting import mount

__all__ = ["MIB", "clone", "made", "mounted", "needs_disks"]

MIB = 1 << 20
FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
needs_disks = pytest.mark.needs("mkfs.ext4", "mkfs.xfs", "losetup")


def made(image: Path, kind: str, mebibytes: int) -> Path:
    """A new file system in the file `image`."""
    with image.open("wb") as file:
        file.truncate(mebibytes * MIB)
    quiet = ["-q", "-F"] if kind == "ext4" else ["-q"]
    subprocess.run([f"mkfs.{kind}", *quiet, image], check=True)
    return image


@contextmanager
def mounted(image: Path, place: Path, options: str = "rw", *, lazy: bool = False) -> Iterator[Path]:
    """Mounted at `place` for the block, by a loop device; `lazy` where this process itself keeps a lock there."""
    place.mkdir(exist_ok=True)
    mount("-o", f"loop,{options}", image, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", *(["--lazy"] if lazy else []), place], check=True)


def clone(image: Path, copy: Path) -> None:
    """A copy of one moment: whatever the disk is handed meanwhile is in it as a whole, or not at all."""
    with image.open("rb") as source, copy.open("wb") as target:
        fcntl.ioctl(target, FICLONE, source.fileno())
