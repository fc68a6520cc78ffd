"""How many uploads are open in all, and of what size, without a look at each.

What lives here: the sum, kept in the file whose lock guards it. What must not: what is counted (tally.py).

The sum may say too much, and never too little: it is raised before an entry is made, and lowered after one has gone. So
a process that dies in between can let nobody in beyond a cap, and before anybody is refused, and with every sweep, the
entries are counted anew. What another boot of the machine wrote may not have reached the disk, and is not believed.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterable

from . import ledger
from .pieces import crc_of, pread

__all__ = ["Total"]

_MAGIC = b"axtotal1"
_SUM = struct.Struct("<8s16sQQ")  # magic, boot id, how many, bytes; a checksum follows
_CRC_SIZE = 4


class Total:
    """The sum in the file `fd`, whose lock its user holds. `sizes` lists what is summed up. Methods raise OSError."""

    def __init__(self, fd: int, sizes: Callable[[], Iterable[int]]) -> None:
        self._fd = fd
        self._sizes = sizes
        self._found: tuple[int, int] | None = None

    def read(self) -> tuple[int, int]:
        """How many, and how many bytes."""
        self._found = self._found or self._told() or self.recount()
        return self._found

    def _told(self) -> tuple[int, int] | None:
        """As the file says it; None where that is not to be believed."""
        text = pread(self._fd, _SUM.size + _CRC_SIZE, 0)
        if len(text) == _SUM.size + _CRC_SIZE and crc_of(text[: _SUM.size]) == text[_SUM.size :]:
            magic, boot, count, size = _SUM.unpack_from(text)
            if (magic, boot) == (_MAGIC, ledger.boot_id()):
                return count, size
        return None

    def add(self, count: int, size: int) -> None:
        """More, or less."""
        had = self.read()
        self._write(max(0, had[0] + count), max(0, had[1] + size))

    def recount(self) -> tuple[int, int]:
        """Look at each: how many, and how many bytes."""
        sizes = list(self._sizes())
        self._write(len(sizes), sum(sizes))
        return len(sizes), sum(sizes)

    def _write(self, count: int, size: int) -> None:
        self._found = (count, size)
        text = _SUM.pack(_MAGIC, ledger.boot_id(), count, min(size, 2**64 - 1))
        text += crc_of(text)
        if os.pwrite(self._fd, text, 0) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
