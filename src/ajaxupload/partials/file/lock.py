"""One at a time, over threads, processes and machines.

What lives here: `Lock`, by flock where the file system has it, else by a lease. What must not: what is guarded.

flock belongs to an open file description: each user opens the file anew, so threads exclude one another like processes
do, and the kernel lets go when a process dies, however it dies. Where flock fails (some network and FUSE file systems)
a file made with O_EXCL stands in; one that its owner has not renewed for `_LEASE` seconds is a dead process's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Lock"]

#: What flock fails with where it is not offered (flock(2), and what NFS and FUSE answer).
_LACKING = frozenset((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))
_LEASE = 30.0
_POLL = 0.005


class Lock:
    """The lock of one file, by a descriptor that nobody else shares. `path` is where a lease would be."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._lease = f"{path}.lease"
        self._token: str | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for it; whoever holds it does so for moments. Raises OSError."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self, *, wait: bool = True) -> bool:
        """Take it. Without `wait`, False if somebody else has it. Raises OSError."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _LACKING:
                raise
        while not self._take_lease():
            if not wait:
                return False
            time.sleep(_POLL)
        return True

    def renew(self) -> None:
        """Say that its holder lives: who holds it for long must, as a lease runs out. Raises OSError."""
        if self._token is not None:
            os.utime(self._lease)

    def release(self) -> None:
        """Let go. Never raises."""
        if self._token is None:
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            return
        with suppress(OSError):
            if _content(self._lease) == self._token:  # else it ran out, and is another's by now
                os.unlink(self._lease)
        self._token = None

    def _take_lease(self) -> bool:
        token = secrets.token_hex(8)
        try:
            fd = os.open(self._lease, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            self._clear_dead_lease(token)
            return False
        try:
            os.write(fd, token.encode())
        finally:
            os.close(fd)
        self._token = token
        return True

    def _clear_dead_lease(self, token: str) -> None:
        """Move a lease that ran out away; of several who try, one succeeds. The next round takes the free place."""
        with suppress(FileNotFoundError):
            if time.time() - os.stat(self._lease, follow_symlinks=False).st_mtime > _LEASE:
                os.rename(self._lease, f"{self._lease}.{token}")
                os.unlink(f"{self._lease}.{token}")


def _content(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
