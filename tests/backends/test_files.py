"""Files on their way into a folder, where the folder, the names or another upload get in between."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends import _place
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import ConfigError, NameTaken
from ajaxupload.files import Draft, Incoming, Published, Target, Trail, folders, publish
from ajaxupload.testing.driving import begin, finish, send


@pytest.fixture
def incoming(tmp_path: Path) -> Incoming:
    incoming = Incoming(str(tmp_path / "private"))
    incoming.make()
    return incoming


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "root").mkdir()
    return Target(str(tmp_path / "root"), (b"new", b"newer"), 0o700, True, str(tmp_path / "root"))


@pytest.fixture
def draft(tmp_path: Path, target: Target, incoming: Incoming) -> Iterator[Draft]:
    draft = Draft.create(target.root, incoming, mode=0o600, durable=True)
    draft.write(b"content")
    yield draft
    draft.drop()


def tree(target: Target) -> list[str]:
    return sorted(path.relative_to(target.root).as_posix() for path in Path(target.root).rglob("*"))


def removing(target: Target, times: int) -> Callable[[], Iterator[bytes]]:
    """Names whose folder goes, as by another upload's undo, the moment they are asked for."""
    left = [times]

    def names() -> Iterator[bytes]:
        if left[0]:
            left[0] -= 1
            os.rmdir(f"{target.root}/new/newer")
        yield b"a.txt"

    return names


def test_a_folder_that_goes_meanwhile_is_made_again(target: Target, draft: Draft) -> None:
    publish(draft, target, removing(target, 9))
    assert tree(target) == ["new", "new/newer", "new/newer/a.txt"]


def test_one_that_always_goes_is_given_up_and_nothing_is_left(target: Target, draft: Draft) -> None:
    with pytest.raises(FileNotFoundError):
        publish(draft, target, removing(target, 10))
    assert tree(target) == []


def test_when_every_name_is_taken_nothing_is_left(target: Target, draft: Draft) -> None:
    with pytest.raises(NameTaken):
        publish(draft, target, list)
    assert tree(target) == []


def test_what_cannot_be_taken_back_now_can_be_later(
    target: Target, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(draft, target, lambda: [b"a.txt"])

    def refused(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(errno.EPERM, "immutable")

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refused)
        published.undo()
    assert tree(target) == ["new", "new/newer", "new/newer/a.txt"]
    published.undo()
    assert tree(target) == []


def test_an_undo_of_what_never_was_does_nothing(target: Target) -> None:
    Published(target).undo()
    assert tree(target) == []


def test_a_named_draft_tells_at_once_that_its_folder_is_missing(tmp_path: Path, incoming: Incoming) -> None:
    with pytest.raises(FileNotFoundError):
        Draft.create(str(tmp_path / "gone"), incoming, mode=0o600, durable=True, unnamed=False)
    assert [name for name in os.listdir(incoming.path) if name.endswith(".part")] == []


def test_a_folder_that_another_upload_made_first_keeps_its_mode(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.mkdir

    def too_late(name: bytes, mode: int, *, dir_fd: int) -> None:
        really(name, 0o750, dir_fd=dir_fd)
        raise FileExistsError(errno.EEXIST, "quicker")

    monkeypatch.setattr(os, "mkdir", too_late)
    with Trail(target.root, target.folders, make=0o700) as trail:
        assert trail.made == set()
    assert (Path(target.root) / "new").stat().st_mode & 0o777 == 0o750 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_parents_at_rest_are_not_synced_again(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(folders, "sync", lambda fd: synced.append(os.fstat(fd).st_ino))
    with Trail(target.root, target.folders, make=0o700):
        pass
    inodes = [os.stat(path).st_ino for path in (f"{target.root}/new/newer", f"{target.root}/new", target.root)]
    for age, expected in ((0, inodes), (3600, inodes[:1])):
        for path in (target.root, f"{target.root}/new"):
            os.utime(path, (time.time() - age,) * 2)
        synced.clear()
        with Trail(target.root, target.folders) as trail:
            trail.sync()
        assert synced == expected


def test_what_the_disk_says_of_a_stored_file_is_not_called_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = LocalUploadBackend(media_root=str(tmp_path / "media"))
    backend.startup()
    name = begin(backend, "a.txt", None)
    send(backend, [b"x"])
    finish(backend, name)
    really = os.open

    def broken(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_NONBLOCK:
            raise OSError(errno.EIO, "broken")
        return really(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", broken)
    with pytest.raises(OSError, match="broken"):
        backend.open("a.txt")


def test_a_place_that_fails_when_tried_out_is_told_with_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(_place, "probe", broken)
    with pytest.raises(ConfigError, match=r"Input/output error.*media_root or upload_dir"):
        LocalUploadBackend(media_root=str(tmp_path / "media")).startup()


def test_a_system_without_posix_locks_is_told_what_is_missing() -> None:
    """Windows, as Python shows it."""
    code = "import sys; sys.modules['fcntl'] = None; import ajaxupload.files"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "ConfigError: storing files on disk needs a POSIX system" in run.stderr
