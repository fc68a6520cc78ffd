"""Bytes from one file to another, without this process seeing them where the kernel can do that.

What lives here: the copy and its fallback. What must not: which files.
"""

from __future__ import annotations

import errno
import os

__all__ = ["copy"]

#: At once: a larger count gains nothing, and a signal is answered between two.
_STEP = 64 << 20
_BUFFER = 1 << 20
#: What copy_file_range fails with where a kernel or file system has it not (copy_file_range(2)).
_LACKING = frozenset((errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF))


def copy(source: int, target: int, size: int, at: int) -> int:
    """Copy the first `size` bytes of `source` into `target` from `at` on. How many, which is `size`. Raises OSError."""
    done = 0
    try:
        while done < size and hasattr(os, "copy_file_range"):
            got = os.copy_file_range(source, target, min(_STEP, size - done), done, at + done)
            if not got:
                break
            done += got
    except OSError as error:
        if error.errno not in _LACKING:
            raise
    while done < size:
        block = os.pread(source, min(_BUFFER, size - done), done)
        if not block:
            raise OSError(errno.EIO, "a file that was whole has become shorter")
        done += os.pwrite(target, block, at + done)
    return done
