"""What the backend `local` checks when it starts, and that each fault says what to do.

What lives here: wrong options, wrong places, file systems that lack something.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import ConfigError
from ajaxupload.files import draft
from ajaxupload.testing.driving import begin, elsewhere
from tests.backends.stores import MANNERS, Store, below

each_manner = pytest.mark.parametrize("cls", MANNERS)


@each_manner
def test_startup_makes_its_folders_and_leaves_no_other_trace(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    store = Store(tmp_path, cls, UPLOAD_DIR="uploads/deep").started()
    assert (store.root / "deep").is_dir()
    assert (store.stored(), store.leftovers()) == ([], [])


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"FILE_MODE": 0o755}, "file_mode 0755 would make uploaded files executable: set e.g. '0600'"),
        ({"FILE_MODE": 0o4600}, "file_mode 4600"),
        ({"DIR_MODE": 0o500}, "dir_mode 0500 would lock this process out"),
        ({"COLLISION": "sufix"}, "collision: unknown collision policy 'sufix'"),
        ({"PRIVATE_DIR": "{media}"}, "private_dir .* lies inside .*: set private_dir to a directory on the same"),
        ({"PRIVATE_DIR": "{media}/uploads/x"}, "lies inside .*mé dia, which may be served"),
        ({"PRIVATE_DIR": "{media}/../mé dia/x"}, "lies inside"),
        ({"UPLOAD_DIR": "{tmp}/else", "PRIVATE_DIR": "{media}/x"}, "lies inside .*mé dia"),
        ({"UPLOAD_DIR": "{tmp}/else", "PRIVATE_DIR": "{tmp}/else/x"}, "lies inside .*else"),
        ({"MEDIA_ROOT": "{tmp}/file"}, "cannot store to .*file/uploads .Not a directory.: .* or set media_root"),
        ({"UPLOAD_DIR": "../file"}, "cannot store to .*file .Not a directory"),
        ({"PRIVATE_DIR": "{tmp}/file/x"}, "cannot keep unfinished uploads in .*file/x .* or set private_dir elsewhere"),
    ],
)
def test_a_wrong_option_says_what_to_do(tmp_path: Path, options: dict[str, Any], fault: str) -> None:
    (tmp_path / "file").touch()
    media = tmp_path / "mé dia"
    filled: dict[str, Any] = {
        key: value.format(tmp=tmp_path, media=media) if isinstance(value, str) else value
        for key, value in options.items()
    }
    with pytest.raises(ConfigError, match=fault):
        Store(tmp_path, **filled).started()


def test_a_private_folder_behind_a_link_into_the_served_one_is_found_out(tmp_path: Path) -> None:
    store = Store(tmp_path).started()
    (tmp_path / "link").symlink_to(store.media)
    with pytest.raises(ConfigError, match="lies inside"):
        store.backend(PRIVATE_DIR=str(tmp_path / "link/x")).startup()


def test_two_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(tmp_path, FILE_MODE=0o755, DIR_MODE=0o500).started()
    assert len(caught.value.problems) == 2


@pytest.fixture
def other_device(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system than the test's."""
    for candidate in ("/dev/shm", "/run", str(Path.home())):
        if os.access(candidate, os.W_OK) and os.stat(candidate).st_dev != tmp_path.stat().st_dev:
            folder = Path(tempfile.mkdtemp(dir=candidate))
            yield folder
            shutil.rmtree(folder)
            return
    pytest.skip("no second file system that may be written to")


@each_manner
def test_a_private_folder_on_another_file_system_is_refused(
    tmp_path: Path, cls: type[LocalUploadBackend], other_device: Path
) -> None:
    store = Store(tmp_path, cls, PRIVATE_DIR=str(other_device / "private"))
    fault = "not on the file system of .*: set private_dir to a directory on the same file system outside .*mé dia"
    with pytest.raises(ConfigError, match=fault):
        store.started()
    assert (store.stored(), below(other_device / "private/incoming")[1:]) == ([], [])


def test_memory_file_systems_serve_as_well(other_device: Path) -> None:
    store = Store(other_device).started()
    assert store.upload("new/a.txt", wait=True)["path"] == "uploads/new/a.txt"


def failing(real: Any, code: int, when: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return call


@pytest.mark.parametrize(
    ("module", "name", "code", "fault"),
    [
        (os, "link", errno.EPERM, "has no hard links: store to another one"),
        (os, "link", errno.EOPNOTSUPP, "has no hard links"),
        (os, "fsync", errno.EINVAL, "cannot store to .* cannot sync directories, .* durable = false"),
        (fcntl, "flock", errno.ENOLCK, "cannot keep unfinished uploads in .*[Ll]ock"),
    ],
)
def test_a_file_system_that_lacks_something_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, code: int, fault: str
) -> None:
    monkeypatch.setattr(draft, "_named_only", set())
    monkeypatch.setattr(module, name, failing(getattr(module, name), code, lambda *args, **kwargs: True))
    store = Store(tmp_path)
    with pytest.raises(ConfigError, match=fault):
        store.started()
    assert store.leftovers() == []


def test_a_file_system_that_cannot_sync_directories_may_be_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path).started()
    monkeypatch.setattr(os, "fsync", failing(os.fsync, errno.EINVAL, lambda fd: stat.S_ISDIR(os.fstat(fd).st_mode)))
    with pytest.raises(ConfigError, match=r"cannot sync directories, .*durable = false"):
        Store(tmp_path).started()
    assert Store(tmp_path, DURABLE=False).started().upload("new/a.txt", wait=True)["filename"] == "new/a.txt"


@pytest.mark.parametrize("lack", ["no flag", "no support", "no proc", "not linkable"])
def test_without_unnamed_files_named_ones_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: str) -> None:
    monkeypatch.setattr(draft, "_named_only", set())
    if lack == "no flag":
        monkeypatch.delattr(os, "O_TMPFILE")
    elif lack == "no support":
        flag = os.O_TMPFILE
        monkeypatch.setattr(
            os, "open", failing(os.open, errno.EOPNOTSUPP, lambda path, flags, *a, **k: flags & flag == flag)
        )
    elif lack == "no proc":
        monkeypatch.setattr(draft, "_has_proc", lambda: False)
    else:
        monkeypatch.setattr(
            os, "link", failing(os.link, errno.EACCES, lambda source, *a, **k: str(source).startswith("/proc"))
        )
    store = Store(tmp_path).started()
    backend = store.begun("a.txt")
    assert len(store.leftovers()) == 1, "the draft has a name"
    backend.upload_aborted("a.txt")
    assert store.upload("a.txt", wait=True)["filename"] == "a.txt"
    assert store.leftovers() == []


def test_a_private_folder_that_was_opened_to_others_is_closed(tmp_path: Path) -> None:
    """Volumes with a group of their own are opened to it each time they are mounted."""
    store = Store(tmp_path).started()
    (store.private / "incoming").chmod(0o2770)
    store.started()
    assert stat.S_IMODE((store.private / "incoming").stat().st_mode) == 0o700


def test_a_link_in_the_place_of_the_private_folder_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path).started()
    shutil.rmtree(store.private / "incoming")
    (tmp_path / "outside").mkdir()
    (store.private / "incoming").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="Not a directory"):
        store.started()
    backend = store.begun("a.txt")
    with pytest.raises(NotADirectoryError):
        backend.upload_waits("a.txt")
    backend.upload_aborted("a.txt")
    assert list((tmp_path / "outside").iterdir()) == []


# ---- as somebody who may not do everything


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an unprivileged user reaches (pytest's own are for their user only)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def _as_nobody(step: str, cls: type[LocalUploadBackend], folder: str) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    store = Store(Path(folder), cls)
    if step == "startup":
        with pytest.raises(ConfigError, match=r"cannot store to .*Permission denied.*let this process write there"):
            store.started()
        return
    store.started()
    store.root.chmod(0o500)
    backend = store.backend()
    with pytest.raises(PermissionError):
        begin(backend, "a.txt")
    backend.upload_aborted("a.txt")
    store.root.chmod(0o700)
    assert store.upload("new/a.txt", wait=True)["filename"] == "new/a.txt"


@each_manner
def test_a_folder_that_may_not_be_written_to_is_told_at_startup(
    cls: type[LocalUploadBackend], open_folder: Path
) -> None:
    open_folder.chmod(0o755 if os.geteuid() == 0 else 0o555)
    assert elsewhere(_as_nobody, "startup", cls, str(open_folder)) == 0


@each_manner
def test_a_folder_that_becomes_read_only_is_told_at_setup(cls: type[LocalUploadBackend], open_folder: Path) -> None:
    """Before the client has sent everything; and it works again without a restart."""
    assert elsewhere(_as_nobody, "setup", cls, str(open_folder)) == 0
