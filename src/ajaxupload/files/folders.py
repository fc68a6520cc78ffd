"""Directories by descriptor: walking, making and syncing them.

What lives here: how a stored name becomes segments, and how these are walked below a root without following what
somebody planted on the way. What must not: the content of files. Names below a root are UTF-8 bytes whatever the
locale says, because they are parts of URLs as well.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import final

from ..errors import NameTaken, NotFound

__all__ = ["Trail", "make_empty", "make_folders", "segments", "start_write_back", "sync", "synced_together"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: POSIX NAME_MAX on every file system in common use, in bytes.
_NAME_MAX = 255
#: What a step into a file, or into a symbolic link with O_NOFOLLOW, fails with (open(2); Linux and the BSDs differ).
_NOT_A_FOLDER = frozenset((errno.ENOTDIR, errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP)))
#: After this many seconds the kernel has long written back what nobody synced (dirty_expire_centisecs is 30 s).
_SETTLED = 600


def segments(filename: str) -> list[bytes]:
    """A stored name's parts: "a/b.txt" is [b"a", b"b.txt"]. ValueError unless its path is relative and leads down."""
    parts = filename.encode("utf-8").split(b"/")
    for part in parts:
        if part in (b"", b".", b"..") or b"\0" in part:
            raise ValueError(f"a stored name must be a relative path without '..' or empty segments: {filename!a}")
        if len(part) > _NAME_MAX:
            raise ValueError(f"a segment of a stored name is longer than {_NAME_MAX} bytes: {filename[:80]!a}...")
    return parts


def sync(fd: int) -> None:
    """Make a file's or directory's content survive a power cut. An OSError is final: a second try would lie, for the
    kernel drops pages that it could not write (known as "fsyncgate" since 2018)."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # macOS's fsync leaves the data in the drive's cache (its fsync(2))
    else:
        os.fsync(fd)


#: Folders that are to be synced at the end of this thread's `synced_together`, by device and inode.
_together = threading.local()
#: So many of them are kept open.
_MOST_TOGETHER = 64


@contextmanager
def synced_together() -> Iterator[None]:
    """Within this the folders on a `Trail` are synced at its end, each once: a thousand new names in a folder cost one
    sync. Nothing may be called durable before. Raises OSError; if anything else was raised within, it tries."""
    folders: dict[tuple[int, int], int] = {}
    _together.folders = folders
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _sync_all(folders)
        raise
    else:
        _sync_all(folders)
    finally:
        _together.folders = None
        for fd in folders.values():
            os.close(fd)


def _sync_all(folders: Mapping[tuple[int, int], int]) -> None:
    for fd in folders.values():
        sync(fd)


def _sync_folder(fd: int) -> None:
    """Now, or with others."""
    folders: dict[tuple[int, int], int] | None = getattr(_together, "folders", None)
    if folders is None:
        sync(fd)
        return
    info = os.fstat(fd)
    if (info.st_dev, info.st_ino) in folders:
        return
    if len(folders) < _MOST_TOGETHER:
        with suppress(OSError):  # there is no descriptor to spare
            folders[info.st_dev, info.st_ino] = os.dup(fd)
            return
    sync(fd)


def start_write_back(fd: int, at: int, size: int) -> None:
    """Let the kernel begin to write these bytes of a file to the disk. A hint: where it fails or is missing, the sync
    that follows does all the work."""
    # On Linux POSIX_FADV_DONTNEED starts writing the range and does not wait (mm/fadvise.c): sync_file_range, which
    # Python lacks, measures the same.
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(fd, at, size, os.POSIX_FADV_DONTNEED)


def make_folders(path: str, mode: int, *, durable: bool = True, below: str | None = None) -> None:
    """`mkdir -p` with `mode` whatever the umask, each new entry synced. `below` must be there already: an unmounted
    volume must not be replaced by an empty folder on another disk. Raises OSError."""
    if os.path.isdir(path):
        return
    parent, name = os.path.split(path)
    if path == below or not name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    make_folders(parent, mode, durable=durable, below=below)
    try:
        with Trail(parent, [os.fsencode(name)], make=mode) as trail:
            if durable:
                trail.sync()
    except NameTaken as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from error


def make_empty(path: str) -> None:
    """A new file, for its owner alone. What had the name loses it and is not written into: it may be stored under
    another one. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except FileExistsError:
        os.unlink(path)
        fd = os.open(path, flags, 0o600)
    os.close(fd)


@final
class Trail:
    """The open directories from `root` down through `folders`; a context manager.

    `root` may be or contain symbolic links: it is the owner's. Below it none is followed, for names there come from
    elsewhere. With `make`, missing folders are made with these permission bits, whatever the umask. Raises OSError
    for the root; below it NotFound, or NameTaken where something that is no folder is in the way of `make`.
    """

    def __init__(self, root: str, folders: Sequence[bytes] = (), *, make: int | None = None) -> None:
        self._root = root
        self._folders = folders
        self._make = make
        self._fds: list[int] = []
        #: Depths of the folders that did not exist before.
        self.made: set[int] = set()

    def __enter__(self) -> Trail:
        try:
            self._fds.append(os.open(self._root, _FOLDER))
            for depth, name in enumerate(self._folders):
                self._fds.append(self._step(depth, name))
        except BaseException:
            self.unmake()
            self._close(quietly=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close(quietly=error is not None)

    @property
    def folder(self) -> int:
        """The descriptor of the last directory."""
        return self._fds[-1]

    def sync(self) -> None:
        """Make the entries on the way durable: in the last folder, and above it where a folder is new.

        New may also mean that another process made it a moment ago and has not synced it yet: its parent was changed
        lately then. Parents at rest cost one fstat.
        """
        _sync_folder(self.folder)
        for depth in reversed(range(len(self._folders))):
            parent = self._fds[depth]
            if depth in self.made or time.time() - os.fstat(parent).st_mtime < _SETTLED:
                _sync_folder(parent)

    def unmake(self) -> None:
        """Remove the folders in `made` that are empty still. Never raises: an empty folder harms nobody."""
        for depth in sorted(self.made, reverse=True):
            with suppress(OSError):
                os.rmdir(self._folders[depth], dir_fd=self._fds[depth])
        self.made.clear()

    def _step(self, depth: int, name: bytes) -> int:
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.folder)
        except FileNotFoundError:
            if self._make is None:
                raise NotFound from None
        except OSError as error:
            if error.errno not in _NOT_A_FOLDER:
                raise
            raise (NotFound if self._make is None else NameTaken) from error
        return self._mkdir(depth, name, self._make)

    def _mkdir(self, depth: int, name: bytes, mode: int) -> int:
        with suppress(FileExistsError):  # another upload was quicker
            os.mkdir(name, 0o700, dir_fd=self.folder)
            self.made.add(depth)
        fd = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.folder)
        try:
            if depth in self.made:
                # By descriptor, for mkdir's mode is cut by the umask. A set-group-ID bit that the folder inherited
                # is the administrator's wish that the whole tree belong to one group.
                os.fchmod(fd, mode | (os.fstat(fd).st_mode & stat.S_ISGID))
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _close(self, *, quietly: bool) -> None:
        """Close all. An error of close is an error like any other, unless one is on its way already."""
        problem: OSError | None = None
        while self._fds:
            try:
                os.close(self._fds.pop())
            except OSError as error:
                problem = error
        if problem is not None and not quietly:
            raise problem
