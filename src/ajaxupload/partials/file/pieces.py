"""The list of an upload's pieces at the end of its ledger: what counts, in whatever order it came.

What lives here: the format of a line, and reading no line twice. What must not: who may write, and everything before
the list (ledger.py), which calls this inside its critical section.

A line is the first byte, the byte after the last, the CRC-32 of the bytes, and the line's own checksum. Lines are
appended and stay, so a process keeps what they come to: with ten thousand pieces it would read fifty million lines
otherwise. It knows the ledger by a name that was drawn when that was made: numbers of files are used again.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile

__all__ = [
    "MOST",
    "NAME",
    "NAME_SIZE",
    "PIECES",
    "add",
    "crc_of",
    "forget",
    "is_full",
    "pread",
    "ranges",
    "sum_of",
    "union",
]

#: Where the ledger's name is, and where the list begins.
NAME, NAME_SIZE, PIECES = 256, 16, 4096
_PIECE = struct.Struct("<QQI")
_CRC = struct.Struct("<I")
_STEP = _PIECE.size + _CRC.size
#: More pieces than any widget sends (S3 has 10,000 as well).
MOST = 10_000

Ranges = list[tuple[int, int]]
#: Name -> bytes of the list that were read, and what its pieces come to. Of ledgers that nobody asks for any more the
#: oldest are forgotten first.
_read: dict[bytes, tuple[int, Ranges]] = {}
_MOST_READ = 256


def is_full(fd: int) -> bool:
    """Can no more pieces be counted?"""
    return _size(fd) // _STEP >= MOST


def add(fd: int, start: int, end: int, crc: int) -> None:
    """Append the piece; a line that was torn by a death is written over. Raises OSError."""
    text = _PIECE.pack(start, end, crc)
    text += crc_of(text)
    if os.pwrite(fd, text, PIECES + _size(fd) // _STEP * _STEP) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ranges(fd: int) -> Ranges:
    """All pieces, as `union` has them."""
    name = pread(fd, NAME_SIZE, NAME)
    at, known = _read.get(name, (0, []))
    if at > _size(fd):  # nothing makes it shorter but the power cut of another machine whose disk it is
        at, known = 0, []
    lines = list(_lines(fd, at))
    whole = list(takewhile(lambda line: line is not None, lines))  # a torn line may be written over: read again
    if any(name):
        _remember(name, at + len(whole) * _STEP, union([*known, *(line[:2] for line in whole if line)]))
    return union([*known, *(line[:2] for line in lines if line)])


def sum_of(fd: int, start: int, end: int) -> int | None:
    """The CRC-32 of the piece of just these bytes, None where none was added."""
    return next((line[2] for line in _lines(fd, 0) if line and line[:2] == (start, end)), None)


def forget(fd: int) -> None:
    """The list may not be what it was."""
    _read.pop(pread(fd, NAME_SIZE, NAME), None)


def _remember(name: bytes, at: int, found: Ranges) -> None:
    _read.pop(name, None)
    _read[name] = (at, found)
    with suppress(KeyError, RuntimeError):  # another thread does the same
        while len(_read) > _MOST_READ:
            del _read[next(iter(_read))]


def _size(fd: int) -> int:
    return max(0, os.fstat(fd).st_size - PIECES)


def _lines(fd: int, at: int) -> Iterator[tuple[int, int, int] | None]:
    """Each line from the byte `at` of the list on; None for a torn one."""
    text = pread(fd, _size(fd) - at, PIECES + at)
    for begin in range(0, len(text) - _STEP + 1, _STEP):
        line = text[begin : begin + _STEP]
        yield _PIECE.unpack_from(line) if crc_of(line[: _PIECE.size]) == line[_PIECE.size :] else None


def union(given: Ranges) -> Ranges:
    """Ranges (from, up to) in order, those that touch made one; the first begins at 0, be it empty."""
    found = [(0, 0)]
    for start, end in sorted(given):
        if start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def crc_of(text: bytes) -> bytes:
    """A line's checksum: begun elsewhere than at 0, so that a page of zeros is no valid line."""
    return _CRC.pack(zlib.crc32(text, 0x61787570))


def pread(fd: int, size: int, at: int) -> bytes:
    """All of it, or as much as there is. Raises OSError."""
    found = b""
    while len(found) < size and (block := os.pread(fd, size - len(found), at + len(found))):
        found += block
    return found
