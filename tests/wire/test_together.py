"""The files of one form are made durable together, and none of them is called stored before.

What lives here: the syncs of a request with several files, and their failures, in process. What must not: one file's
own order (tests/backends/test_local_syscalls.py).
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from ajaxupload import files
from tests.support.quotas import Site

NAMES = "{stem}/{name}"  # each in a folder of its own


class Syncs:
    """What os.fsync was asked for: the folders by name, and how many other files. Folders fail `after` so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int = 1000) -> None:
        self.folders: list[str] = []
        self.files = 0
        self._after = after
        self._real = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, fd: int) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            self.files += 1
            return self._real(fd)
        if len(self.folders) >= self._after:
            raise OSError(errno.EIO, "lost")
        self.folders.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        return None


def site(folder: Path, **settings: object) -> Site:
    made = Site(folder, None, durable=True, **settings)
    assert made.put(1, "first.bin").status_code == 201  # folders are made, and what is above them synced
    return made


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "in").rglob("*.bin"))


def test_a_folder_is_synced_once_for_all_that_go_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = site(tmp_path)
    syncs = Syncs(monkeypatch)
    assert made.form(*range(1, 8)).status_code == 200
    assert (syncs.folders, syncs.files) == (["in"], 7)


@pytest.mark.parametrize(("most", "count"), [(64, 4), (0, 6)])
def test_each_of_several_folders_is_and_what_is_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, count: int
) -> None:
    made = site(tmp_path, name=NAMES)
    monkeypatch.setattr(files.folders, "_MOST_TOGETHER", most)
    syncs = Syncs(monkeypatch)
    assert made.form(1, 2, 3).status_code == 200
    assert {*syncs.folders} == {"0", "1", "2", "in"}
    assert len(syncs.folders) == count


def test_without_a_descriptor_to_spare_each_is_synced_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_fd: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    made = site(tmp_path)
    monkeypatch.setattr(os, "dup", none)
    syncs = Syncs(monkeypatch)
    assert made.form(1, 2, 3).status_code == 200
    assert syncs.folders == ["in"] * 3


@pytest.mark.parametrize(("name", "after"), [("{name}", 0), (NAMES, 0), (NAMES, 1), (NAMES, 2), (NAMES, 3)])
def test_a_folder_that_cannot_be_synced_leaves_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, after: int
) -> None:
    made = site(tmp_path, name=name)
    before = stored(tmp_path)
    Syncs(monkeypatch, after=after)
    assert made.form(1, 2, 3).status_code == 503
    assert stored(tmp_path) == before


def test_one_that_cannot_be_stored_takes_the_others_back_durably(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = site(tmp_path, collision="error")
    assert made.put(1, "2.bin").status_code == 201
    syncs = Syncs(monkeypatch)
    assert made.form(1, 2, 3).status_code == 409
    assert stored(tmp_path) == ["2.bin", "first.bin"]
    assert syncs.folders  # the names that were taken back
