"""The bytes of one upload: its `.part` file.

What lives here: reading, writing and syncing at a place. What must not: which bytes count (ledger.py), whose turn it is
(partial.py).
"""

from __future__ import annotations

import errno
import os

from ...errors import NotFound
from ...files import start_write_back
from ...files import sync as sync_file
from ..base import Turn

__all__ = ["Data"]

#: Bytes after which write-back is started: a sync waits for little then. 512 MiB take a fifth less time on ext4.
_WRITE_BACK = 2 << 20


class Data:
    """The file at `path`, opened when it is first needed. NotFound from all that needs it, once it is gone."""

    def __init__(self, path: str, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._fd: int | None = None
        self._written = self._handed_on = 0

    @property
    def there(self) -> bool:
        """Has it still its name?"""
        return os.path.exists(self.path)

    @property
    def fd(self) -> int:
        """Its descriptor, for reading and writing."""
        if self._fd is None:
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise NotFound from error
        return self._fd

    def write(self, turn: Turn, block: memoryview) -> None:
        """At the turn's place, which moves on with each byte that was written. Raises OSError."""
        fd = self.fd
        if turn.at != self._written:
            self._handed_on = turn.at
        while block:
            written = os.pwrite(fd, block, turn.at)
            if not written:
                raise OSError(errno.EIO, "a write wrote nothing")
            turn.at += written
            block = block[written:]
        self._written = turn.at
        if self._durable and self._written - self._handed_on >= _WRITE_BACK:
            start_write_back(fd, self._handed_on, self._written - self._handed_on)
            self._handed_on = self._written

    def read(self, at: int, size: int) -> bytes:
        """Short at the end of the file only. Raises OSError."""
        found = b""
        while len(found) < size and (block := os.pread(self.fd, size - len(found), at + len(found))):
            found = found + block if found else block
        return found

    def sync(self) -> None:
        """Make it survive a power cut, if it is to. An error is final: see ledger.py, `fall_back`. Raises OSError."""
        if self._durable:
            sync_file(self.fd)

    def cut(self, size: int) -> None:
        """Take away what lies behind the first `size` bytes: a writer who was cut off may have left some there.

        Raises NotFound where they are not all there, OSError.
        """
        found = os.fstat(self.fd).st_size
        if found < size:
            raise NotFound
        if found > size:
            os.ftruncate(self.fd, size)
            self.sync()

    def close(self) -> None:
        """May be called again. Raises OSError where nothing was synced: the last word on what was written."""
        fd, self._fd = self._fd, None
        if fd is not None:
            try:
                os.close(fd)
            except OSError:
                if not self._durable:
                    raise
