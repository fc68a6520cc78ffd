"""Bytes that go from a connection to a file without coming to this process's memory: they lie in a pipe (Linux).

What lives here: `splice(2)`. What must not: servers' insides (lent.py), files (files/), who may go without seeing what
is stored (engine/).
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

__all__ = ["Pipe", "Piped", "can_splice"]

#: Bytes that a pipe is asked to hold: the most that an unprivileged user gets (/proc/sys/fs/pipe-max-size).
_CAPACITY = 1 << 20
#: What splice(2) fails with where one of the two cannot be spliced: a file system that lacks it, a file that appends.
_LACKING = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP))
_COPY = 64 << 10


def can_splice() -> bool:
    """Has this system, and this Python, what it takes?"""
    return sys.platform == "linux" and hasattr(os, "splice")


class Piped:
    """So many bytes of a body that nobody has seen. They are there until they were taken, once, `into` a file."""

    __slots__ = ("_left", "_pipe", "_size")

    def __init__(self, pipe: Pipe, size: int) -> None:
        self._pipe, self._size, self._left = pipe, size, size

    def __len__(self) -> int:
        return self._size

    def into(self, fd: int) -> int:
        """Put all of them at the file's position. How many that were. Raises OSError: some are there then."""
        taken = self._left
        while self._left:
            try:
                moved = os.splice(self._pipe.out, fd, self._left)
            except OSError as error:
                if error.errno not in _LACKING:
                    raise
                moved = self._copy(fd)
            if not moved:
                raise OSError(errno.EIO, "a write wrote nothing")
            self._left -= moved
            self._pipe.held -= moved
        return taken

    def _copy(self, fd: int) -> int:
        """By way of memory after all."""
        block = memoryview(os.read(self._pipe.out, min(self._left, _COPY)))
        size = len(block)
        while block:
            block = block[os.write(fd, block) :]
        return size


class Pipe:
    """A pipe, `size` bytes large, of which `held` lie in it. Raises OSError where none is to be had."""

    def __init__(self) -> None:
        import fcntl

        self.held = 0
        self.out, self._in = os.pipe()
        with suppress(OSError):  # this user's pipes hold much already: it stays small
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _CAPACITY)
        self.size: int = fcntl.fcntl(self._in, fcntl.F_GETPIPE_SZ)

    def fill(self, connection: int, size: int) -> Piped:
        """What has come on a connection, `size` bytes at most; at least one must be there. Raises OSError."""
        if self.held:
            raise RuntimeError("the block before this one was not taken")
        self.held = os.splice(connection, self._in, min(size, self.size))
        return Piped(self, self.held)

    def close(self) -> None:
        """What lies in it is gone."""
        os.close(self.out)
        os.close(self._in)
