"""The private folder: files that nobody may see yet, and the clearing of what dead processes left there.

What lives here: names in that folder, who holds them, and the sweep. What must not: what is written under them.

Who is alive is told by one lock per process and folder, not by pids, boot ids or ages: every name begins with its
process's token, and the process holds an flock on "<token>.lock" for as long as it lives. The kernel lets go of it
the moment the process ends, however it ends. Pids would not do: containers that share a volume have pid namespaces of
their own (flock belongs to the file, so it works between them), and pids return. A lock on each file would not do
either: it falls with the descriptor, and a form with 2,000 files must not hold 2,000 descriptors until its end. The
lock is taken, and seen to be still in place, before the first name under its token exists, so that no moment is left
in which a sweeper could take a living file for a dead one: whoever sweeps a token holds its lock meanwhile.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import itertools
import os
import re
import secrets
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as _new

from .folders import Trail, make_folders

__all__ = ["Incoming", "Slot"]

_LOCK = re.compile(r"([0-9a-f]{16})\.lock")
_PART = re.compile(r"([0-9a-f]{16})\.[0-9a-f]{24}\.part")
#: Seconds for which a file is spared whose lock file is missing: somebody deleted it by hand, and its process may live.
_ORPHAN_GRACE = 60.0
#: Of the names under a token: a process has its own.
_numbers = itertools.count(1)
#: Owners without names that are kept: one backend needs one; a process with many folders must not collect descriptors.
_IDLE = 8


@dataclass
class _Owner:
    """What this process is in one private folder: its token and lock, and the names that its uploads hold."""

    token: str
    path: str
    lock: int
    pid: int = _new(default_factory=os.getpid)
    names: set[str] = _new(default_factory=set)

    def alive(self) -> bool:
        """Is this still our process (not a child forked since), and the lock file still the one sweepers look at?"""
        return self.pid == os.getpid() and os.fstat(self.lock).st_nlink > 0

    def retire(self) -> None:
        """Let go of the lock, its file first: a sweeper that opened it meanwhile finds nothing."""
        if self.pid == os.getpid() and not self.names:
            with suppress(OSError):
                os.unlink(os.path.join(self.path, f"{self.token}.lock"))
        with suppress(OSError):
            os.close(self.lock)


class _Process:
    """What this process holds in all private folders."""

    def __init__(self) -> None:
        #: Guards `owners`.
        self.guard = threading.Lock()
        #: By the folder's device and inode: a folder that was deleted and made again is another one.
        self.owners: dict[tuple[int, int], _Owner] = {}
        #: Every name that an upload holds, in whatever folder.
        self.held: set[str] = set()

    def retire_idle(self) -> None:
        """Give up the oldest owners that no upload needs, if they are many."""
        idle = [key for key, owner in self.owners.items() if not owner.names]
        for key in idle[: max(0, len(idle) - _IDLE)]:
            self.owners.pop(key).retire()

    def leave(self) -> None:
        """At its end: what no upload holds any more need not wait for the next process's sweep."""
        while self.owners:
            self.owners.popitem()[1].retire()

    def start_anew(self) -> None:
        """As a forked child: closing its copies leaves the parent's locks in force."""
        self.guard = threading.Lock()
        self.held.clear()
        self.leave()


_process = _Process()
atexit.register(_process.leave)
os.register_at_fork(after_in_child=_process.start_anew)


class Slot:
    """A name in the private folder that is an upload's until it drops it."""

    __slots__ = ("_owner", "name", "path")

    def __init__(self, owner: _Owner, folder: str) -> None:
        self.name = f"{owner.token}.{next(_numbers):024x}.part"
        self.path = os.path.join(folder, self.name)
        self._owner = owner
        owner.names.add(self.name)
        _process.held.add(self.name)

    def drop(self) -> None:
        """Remove the file, if there is one. Never raises: what cannot be removed now is left to the sweep."""
        if self._owner.pid != os.getpid():
            return  # a forked child inherits the object, not the upload
        with suppress(OSError):
            os.unlink(self.path)
        self._owner.names.discard(self.name)
        _process.held.discard(self.name)


class Incoming:
    """The folder `incoming` in the private directory `private` (an absolute path)."""

    def __init__(self, private: str, *, durable: bool = True) -> None:
        self.private = private
        self.path = os.path.join(private, "incoming")
        self._durable = durable

    def make(self, below: str | None = None) -> None:
        """Make the folder and the private directory around it, both for their owner alone. Raises OSError."""
        make_folders(self.private, 0o700, durable=self._durable, below=below)
        make_folders(self.path, 0o700, durable=self._durable, below=self.private)
        info = self._stat()
        if info.st_uid == os.geteuid() and stat.S_IMODE(info.st_mode) & 0o077:
            with Trail(self.path) as trail:
                os.fchmod(trail.folder, 0o700)  # some volumes are opened to a group each time they are mounted

    def claim(self) -> Slot:
        """A new name, which no sweep will touch until it is dropped or this process ends. Raises OSError."""
        with _process.guard:
            return Slot(self._owner(), self.path)

    def sweep(self, older_than: float = 0) -> int:
        """Remove what dead processes left and no upload of this one holds, unless it was changed in the last
        `older_than` seconds. Returns how many files. Raises OSError."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return 0
        tokens = {found[1] for name in names if (found := _LOCK.fullmatch(name) or _PART.fullmatch(name))}
        return sum(self._sweep_token(token, older_than) for token in tokens)

    def _owner(self) -> _Owner:
        try:
            info = self._stat()
        except FileNotFoundError:
            self.make(below=os.path.dirname(self.private))
            info = self._stat()
        key = (info.st_dev, info.st_ino)
        owner = _process.owners.get(key)
        if owner is None or not owner.alive():
            if owner is not None:
                del _process.owners[key]
                owner.retire()
            _process.retire_idle()
            owner = _process.owners[key] = self._enlist()
        return owner

    def _stat(self) -> os.stat_result:
        info = os.stat(self.path, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.path)
        return info

    def _enlist(self) -> _Owner:
        while True:
            token = secrets.token_hex(8)
            path = os.path.join(self.path, f"{token}.lock")
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_nlink:
                    return _Owner(token, self.path, lock)
            except BlockingIOError:
                pass  # between the two calls a sweeper took it for a dead process's: let it, and try another token
            except BaseException:
                os.close(lock)
                os.unlink(path)
                raise
            os.close(lock)

    def _sweep_token(self, token: str, older_than: float) -> int:
        with _process.guard:
            mine = any(owner.token == token and owner.pid == os.getpid() for owner in _process.owners.values())
        if mine:
            return self._remove(token, older_than)[0]
        path = os.path.join(self.path, f"{token}.lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._remove(token, max(older_than, _ORPHAN_GRACE))[0]
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            removed, kept = self._remove(token, older_than)
            if not kept:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            return removed
        except BlockingIOError:
            return 0  # its process lives
        finally:
            os.close(lock)

    def _remove(self, token: str, older_than: float) -> tuple[int, int]:
        """Remove the token's files that nobody holds: how many went, how many were too young to go."""
        removed = kept = 0
        for name in os.listdir(self.path):
            found = _PART.fullmatch(name)
            if not found or found[1] != token or name in _process.held:
                continue
            path = os.path.join(self.path, name)
            with suppress(FileNotFoundError):
                if older_than > 0 and time.time() - os.lstat(path).st_ctime < older_than:
                    kept += 1
                else:
                    os.unlink(path)
                    removed += 1
        return removed, kept
