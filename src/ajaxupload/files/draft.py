"""A draft: one file that is being written and that nobody sees.

What lives here: its two manners, unnamed (O_TMPFILE) and named (in the private folder), with one interface. What must
not: where it goes when it is whole (publish.py).

An unnamed draft leaves nothing behind by construction: the kernel frees it with its last descriptor. It costs no name
until it is linked, and linking it is how `open(2)` says to make a file appear whole. The named manner is for file
systems without O_TMPFILE (NFS, some overlays and FUSE) and systems without it (macOS, the BSDs).
"""

from __future__ import annotations

import errno
import os
import secrets
import warnings
from contextlib import suppress
from functools import lru_cache
from typing import BinaryIO

from ..piped import Piped
from .folders import Trail, start_write_back, sync
from .private import Incoming, Slot

__all__ = ["Draft", "probe"]

_WRITE = os.O_WRONLY | os.O_CLOEXEC
_BOTH = os.O_RDWR | os.O_CLOEXEC
#: What O_TMPFILE fails with where a file system or kernel lacks it (open(2)).
_LACKING = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL))
#: Bytes after which write-back is started, so that the sync at the end waits for little: 3.4 instead of 2.2 GB/s for
#: 512 MiB on ext4, and 5.7 without any sync.
_WRITE_BACK = 8 << 20
#: Devices whose unnamed files cannot be linked although they can be opened: `probe` found out.
_named_only: set[int] = set()


class Draft:
    """A file that is written and then published, or dropped. Made by `create`; used by one thread at a time.

    After any OSError from `write`, `seal` or `park` it can only be dropped: nobody knows what the disk holds.
    """

    def __init__(self, fd: int, slot: Slot | None, incoming: Incoming, *, durable: bool) -> None:
        self._fd: int | None = fd
        self._slot = slot
        self._incoming = incoming
        self._durable = durable
        self._sealed = False
        self._broken = False
        self._written = self._handed_on = 0

    @classmethod
    def create(cls, folder: str, incoming: Incoming, *, mode: int, durable: bool, unnamed: bool = True) -> Draft:
        """An empty draft that can be linked into `folder` and below, with these permission bits whatever the umask.

        It is unnamed where that is possible, unless told otherwise. Raises OSError, also when `folder` is missing or
        may not be written to.
        """
        fd, slot = _unnamed(folder) if unnamed else None, None
        if fd is None:
            _check_writable(folder)
            fd, slot = _named(incoming)
        draft = cls(fd, slot, incoming, durable=durable)
        try:
            os.fchmod(fd, mode)
        except BaseException:
            draft.drop()
            raise
        return draft

    @classmethod
    def of(cls, path: str, incoming: Incoming, *, mode: int, durable: bool) -> Draft:
        """A draft that is the file at `path`, by a second name: that one stays. Raises OSError (EXDEV from another file
        system)."""
        slot = incoming.claim()
        try:
            os.link(path, slot.path, follow_symlinks=False)
            fd = os.open(slot.path, _WRITE | os.O_NOFOLLOW)
        except BaseException:
            slot.drop()
            raise
        draft = cls(fd, slot, incoming, durable=durable)
        try:
            os.fchmod(fd, mode)
        except BaseException:
            draft.drop()
            raise
        return draft

    def is_at(self, folder: int, name: bytes) -> bool:
        """Is this very file there already, by an earlier attempt at publishing it? Raises OSError."""
        if self._slot is None:
            return False  # it has no name yet, here or elsewhere
        mine, there = os.lstat(self._slot.path), os.stat(name, dir_fd=folder, follow_symlinks=False)
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`. Raises OSError."""
        fd, rest = self._descriptor(), memoryview(data).cast("B")
        try:
            while rest:
                written = os.write(fd, rest)
                if not written:
                    raise OSError(errno.EIO, "a write wrote nothing")
                self._count(written)
                rest = rest[written:]
        except BaseException:
            self._broken = True
            raise

    def take(self, piped: Piped) -> None:
        """Append all of it. Raises OSError."""
        try:
            self._count(piped.into(self._descriptor()))
        except BaseException:
            self._broken = True
            raise

    def _count(self, written: int) -> None:
        self._written += written
        if self._durable and self._written - self._handed_on >= _WRITE_BACK:
            start_write_back(self._descriptor(), self._handed_on, self._written - self._handed_on)
            self._handed_on = self._written

    def reread(self) -> BinaryIO:
        """What was written, from its start; nothing is written any more then. Raises OSError."""
        file = os.fdopen(os.dup(self._descriptor()), "rb")
        file.seek(0)
        return file

    def seal(self) -> None:
        """All bytes came: sync them if the draft is durable. Raises OSError."""
        if self._sealed and not self._broken:
            return
        fd = self._descriptor()
        try:
            if self._durable:
                sync(fd)
        except BaseException:
            self._broken = True
            raise
        self._sealed = True
        if self._slot is not None:
            self._close()  # its name keeps it; and an error of close must come before anybody sees the file

    def park(self) -> None:
        """Seal it and give back the descriptor: the private folder keeps it. Raises OSError."""
        self.seal()
        self._take_name()
        self._close()

    def link_to(self, folder: int, name: bytes) -> None:
        """Make the sealed draft appear as `name` in a directory. Raises FileExistsError, other OSErrors."""
        self._check_sealed()
        if self._slot is None:
            _link_unnamed(self._descriptor(), name, folder)
        else:
            os.link(self._slot.path, name, dst_dir_fd=folder, follow_symlinks=False)

    def rename_to(self, folder: int, name: bytes) -> None:
        """As `link_to`, in the place of what has that name. Raises OSError."""
        self._check_sealed()
        os.rename(self._take_name().path, name, dst_dir_fd=folder)

    def finish(self) -> None:
        """It was published: give back descriptor and private name. Raises OSError of the descriptor's close."""
        self._close()
        self.drop()

    def drop(self) -> None:
        """Leave nothing of it. Never raises; may be called again."""
        with suppress(OSError):
            self._close()
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.drop()
        self._broken = True

    def __del__(self) -> None:
        if self._fd is not None or self._slot is not None:
            self.drop()  # first: where warnings are errors, the next line ends this
            warnings.warn("an upload was neither completed nor aborted", ResourceWarning, stacklevel=1, source=self)

    def _check_sealed(self) -> None:
        if self._broken or not self._sealed:
            raise RuntimeError("only a draft that was sealed without an error can be published")

    def _descriptor(self) -> int:
        if self._fd is None or self._broken:
            raise OSError(errno.EBADF, "this upload failed before or has ended")
        return self._fd

    def _take_name(self) -> Slot:
        if self._slot is None:
            slot = self._incoming.claim()
            try:
                _link_unnamed(self._descriptor(), slot.path)
            except BaseException:
                slot.drop()
                raise
            self._slot = slot
        return self._slot

    def _close(self) -> None:
        fd, self._fd = self._fd, None  # whatever close says, the descriptor is gone afterwards (close(2))
        try:
            if fd is not None:
                os.close(fd)
        except BaseException:
            self._broken = True
            raise


def _link_unnamed(fd: int, name: str | bytes, folder: int | None = None) -> None:
    """Give the file of a descriptor its first name, in the directory `folder` or at an absolute path."""
    # A src_dir_fd, unused beside an absolute path, makes Python call linkat, which can follow the link in /proc to
    # the file itself (open(2), O_TMPFILE); link cannot.
    os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=fd, dst_dir_fd=folder, follow_symlinks=True)


def probe(folder: str, incoming: Incoming, *, unnamed: bool = True) -> None:
    """Try, without leaving a trace, whether drafts can be published into `folder`. Raises OSError if in no manner."""
    slot = incoming.claim()
    try:
        fd = _unnamed(folder) if unnamed else None
        if fd is not None and _linkable(fd, slot):
            return
        with Trail(folder) as trail:
            os.close(os.open(slot.path, _WRITE | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            name = f".ajaxupload-probe-{secrets.token_hex(8)}"
            os.link(slot.path, name, dst_dir_fd=trail.folder, follow_symlinks=False)
            os.unlink(name, dir_fd=trail.folder)
    finally:
        slot.drop()


def _linkable(fd: int, slot: Slot) -> bool:
    """Can this unnamed file be given a name? Between folders of two file systems it raises EXDEV."""
    try:
        _link_unnamed(fd, slot.path)
        return True
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise
        _named_only.add(os.fstat(fd).st_dev)
        return False
    finally:
        os.close(fd)


@lru_cache(maxsize=1)
def _has_proc() -> bool:
    return os.path.exists("/proc/self/fd")


def _unnamed(folder: str) -> int | None:
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or not _has_proc():
        return None
    try:
        fd = os.open(folder, _BOTH | flag, 0o600)
    except OSError as error:
        if error.errno in _LACKING:
            return None
        raise
    if _named_only and os.fstat(fd).st_dev in _named_only:
        os.close(fd)
        return None
    return fd


def _named(incoming: Incoming) -> tuple[int, Slot]:
    slot = incoming.claim()
    try:
        return os.open(slot.path, _BOTH | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), slot
    except BaseException:
        slot.drop()
        raise


def _check_writable(folder: str) -> None:
    """Tell before the first byte is taken; opening an unnamed file in the folder asks for the same rights."""
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        code = errno.EACCES if os.path.isdir(folder) else errno.ENOENT
        raise OSError(code, os.strerror(code), folder)
