"""One at a time, over threads, processes and machines.

What lives here: `Lock`, by flock where the file system has it, else by a lease (lease.py). What must not: what is
guarded.

flock belongs to an open file description: each user opens the file anew, so threads exclude one another like processes
do, and the kernel lets go when a process dies, however it dies. A Lock is not to be taken again by its holder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ...errors import Busy
from .lease import LEASE, Lease

__all__ = ["Lock", "locked_file"]

#: What flock fails with where it is not offered (flock(2), and what NFS and FUSE answer).
_LACKING = frozenset((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))
_POLL = 0.02


class Lock:
    """The lock of one file, by a descriptor that nobody else shares. `path` is where a lease would be.

    `with` it waits: whoever holds it does so for moments. Raises OSError. A class and no generator: an upload of one
    small piece takes it a dozen times.
    """

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._lease = Lease(f"{path}.lease")

    def __enter__(self) -> None:
        try:
            self.acquire()
        except BaseException:
            self.release()  # it may have been taken before a signal's exception came
            raise

    def __exit__(self, *_error: object) -> None:
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
        return self._lease.take(wait=wait)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """For who holds it longer than moments: a lease is renewed for as long as the block runs."""
        if not self._lease.held:
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=_renew, args=(self._lease, done), name="ajaxupload-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def release(self) -> None:
        """Let go. Never raises; may be called by who has it not."""
        if self._lease.held:
            self._lease.give_back()
            return
        with suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_UN)


@contextmanager
def locked_file(path: str, patience: float) -> Iterator[None]:
    """Be the only one who has locked this file, for as long as the block takes; a dead process's lock falls.

    Where there is no such file, nobody is kept out. Raises Busy when somebody else has it for longer than `patience`
    seconds, OSError.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    lock, deadline = Lock(fd, path), time.monotonic() + patience
    try:
        while not lock.acquire(wait=False):
            if time.monotonic() >= deadline:
                raise Busy
            time.sleep(_POLL)
        with lock.renewed():
            yield
    finally:
        lock.release()
        os.close(fd)


def _renew(lease: Lease, done: threading.Event) -> None:
    while not done.wait(LEASE / 6):
        with suppress(OSError):  # a store that does not answer for a moment may answer the next time
            lease.renew()
