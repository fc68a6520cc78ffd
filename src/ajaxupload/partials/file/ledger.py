"""The ledger of one upload: how much of it counts, who may write, and what of that a power cut cannot take.

What lives here: the format of the `.log` file and the critical sections over it. What must not: the bytes themselves.

    0     live: the epoch, how much counts from the start ("kept"), the number of the last turn at a piece, the boot id
    512   two places for the kept bytes that are known to be on the disk, written in turns, each with a checksum
    1536  who writes a piece just now
    4096  the pieces that count, each with a checksum, appended

The live line is written with every block and never synced: the page cache outlives a process that is killed. A boot id
that is not ours says that it went through a power cut (or a restart) and may be ahead of the data: then only what was
synced counts, and what was told to a client always was.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from ...errors import Fenced, TooManyRequests
from .lock import Lock

__all__ = ["Damaged", "Ledger", "union"]

_MAGIC = b"axupl01\n"
_LIVE = struct.Struct("<8sQQQ16s")  # magic, epoch, kept, turns, boot id
_SLOT = struct.Struct("<QQ")  # sequence number, kept and on the disk
_CLAIM = struct.Struct("<QQQ")  # first byte, the byte after the last, number of the turn; all 0 when free
_PIECE = struct.Struct("<QQ")  # first byte, the byte after the last
_CRC = struct.Struct("<I")
_SLOTS = (512, 1024)  # a sector each: a torn write takes one of them
_CLAIMS, _CLAIM_COUNT = 1536, 100
_PIECES = 4096
#: More pieces than any widget sends (S3 has 10,000 as well); the list is read with each of them.
_MOST_PIECES = 10_000


class Damaged(ValueError):
    """The file is no ledger."""


class Ledger:
    """One upload's ledger, by a descriptor of its own. `locked` reads it; what it then shows holds inside only."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._lock = Lock(fd, path)
        self.epoch = self.kept = self._turns = 0

    @contextmanager
    def locked(self) -> Iterator[Ledger]:
        """The critical section. Raises OSError, Damaged."""
        with self._lock.held():
            self._load()
            yield self

    @contextmanager
    def made(self) -> Iterator[bool]:
        """As `locked`, of a ledger that may be empty yet: yields whether it was."""
        with self._lock.held():
            new = os.fstat(self._fd).st_size < _PIECES
            if new:
                os.ftruncate(self._fd, _PIECES)
                self._write_live()
            self._load()
            yield new

    @property
    def gone(self) -> bool:
        """Was it removed meanwhile?"""
        return os.fstat(self._fd).st_nlink == 0

    @property
    def touched(self) -> float:
        """When anything changed last: seconds since the epoch."""
        return os.fstat(self._fd).st_mtime

    def peek(self) -> int:
        """The kept bytes, without waiting for anybody: for those who only look. Raises OSError, Damaged."""
        magic, _, kept, _, boot = _LIVE.unpack(_pread(self._fd, _LIVE.size, 0))
        if magic != _MAGIC or boot != _boot():
            with self.locked():
                return self.kept
        return int(kept)

    # ---- KEEP: one writer, an epoch ----------------------------------------------------------------------------------

    def fence(self) -> int:
        """End every turn; the new epoch."""
        self.epoch += 1
        self._clear_claims()
        self._write_live()
        return self.epoch

    def check(self, epoch: int) -> None:
        """Fenced unless this is still the epoch."""
        if self.epoch != epoch or self.gone:
            raise Fenced

    def advance(self, kept: int) -> None:
        """So many bytes count."""
        self.kept = kept
        self._write_live()

    def commit(self, kept: int) -> None:
        """So many bytes are on the disk: whoever calls has synced them, and syncs the ledger afterwards."""
        newest = max(self._slots(), default=(0, 0))
        sequence = newest[0] + 1
        text = _SLOT.pack(sequence, max(kept, newest[1]))
        os.pwrite(self._fd, text + _crc(text), _SLOTS[sequence % 2])

    def sync(self) -> None:
        """Make the ledger survive a power cut."""
        os.fsync(self._fd)

    # ---- WHOLE: pieces in any order, a claim each --------------------------------------------------------------------

    def pieces(self) -> list[tuple[int, int]]:
        """All that counts: ranges in order, none touching another, the kept bytes first."""
        step = _PIECE.size + _CRC.size
        text = _pread(self._fd, os.fstat(self._fd).st_size - _PIECES, _PIECES)
        found = [(0, self.kept)]
        for at in range(0, len(text) - step + 1, step):
            line = text[at : at + step]
            if _crc(line[: _PIECE.size]) == line[_PIECE.size :]:
                found.append(_PIECE.unpack_from(line))
        return union(found)

    def claim(self, start: int, end: int) -> int:
        """Take the turn for these bytes from whoever writes some of them: the number of the new turn."""
        claims = self._claims()
        for place, (first, last, number) in enumerate(claims):
            if number and first < end and start < last:
                claims[place] = (0, 0, 0)
        free = min(range(_CLAIM_COUNT), key=lambda place: claims[place][2])  # one that is free, else the oldest
        self._turns += 1
        claims[free] = (start, end, self._turns)
        self._write_claims(claims)
        self._write_live()
        return self._turns

    def check_claim(self, number: int) -> None:
        """Fenced unless nobody has taken this turn."""
        if self.gone or all(found != number for _, _, found in self._claims()):
            raise Fenced

    def add_piece(self, number: int, start: int, end: int) -> None:
        """The piece counts; its turn ends. Whoever calls has synced its bytes, and syncs the ledger afterwards."""
        self.check_claim(number)
        step = _PIECE.size + _CRC.size
        count = (os.fstat(self._fd).st_size - _PIECES) // step
        if count >= _MOST_PIECES:
            raise TooManyRequests(f"A file can be sent in at most {_MOST_PIECES} pieces.")
        text = _PIECE.pack(start, end)
        os.pwrite(self._fd, text + _crc(text), _PIECES + count * step)
        self.kept = self.pieces()[0][1]
        self._write_claims([(0, 0, 0) if claim[2] == number else claim for claim in self._claims()])
        self._write_live()

    # ---- the file ----------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        text = _pread(self._fd, _LIVE.size, 0)
        if len(text) < _LIVE.size:
            raise Damaged("a ledger that ends in its first line")
        magic, self.epoch, self.kept, self._turns, boot = _LIVE.unpack(text)
        if magic != _MAGIC:
            raise Damaged("no ledger")
        if boot != _boot():
            self._recover()

    def _recover(self) -> None:
        """After a power cut, only what was synced counts; whoever wrote then is no more."""
        self.kept = max(self._slots(), default=(0, 0))[1]
        self.kept = self.pieces()[0][1]
        self.fence()

    def _slots(self) -> Iterator[tuple[int, int]]:
        for at in _SLOTS:
            line = _pread(self._fd, _SLOT.size + _CRC.size, at)
            if line[_SLOT.size :] == _crc(line[: _SLOT.size]):
                sequence, kept = _SLOT.unpack_from(line)
                yield sequence, kept

    def _claims(self) -> list[tuple[int, int, int]]:
        return list(_CLAIM.iter_unpack(_pread(self._fd, _CLAIM_COUNT * _CLAIM.size, _CLAIMS)))

    def _write_claims(self, claims: list[tuple[int, int, int]]) -> None:
        os.pwrite(self._fd, b"".join(_CLAIM.pack(*claim) for claim in claims), _CLAIMS)

    def _clear_claims(self) -> None:
        os.pwrite(self._fd, bytes(_CLAIM_COUNT * _CLAIM.size), _CLAIMS)

    def _write_live(self) -> None:
        os.pwrite(self._fd, _LIVE.pack(_MAGIC, self.epoch, self.kept, self._turns, _boot()), 0)


def union(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges (from, up to) in order, those that touch made one; the first begins at 0, be it empty."""
    found = [(0, 0)]
    for start, end in sorted(ranges):
        if start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _crc(text: bytes) -> bytes:
    return _CRC.pack(zlib.crc32(text, 0x61787570))  # begun elsewhere, so that a page of zeros is no valid line


def _pread(fd: int, size: int, at: int) -> bytes:
    found = b""
    while len(found) < size and (block := os.pread(fd, size - len(found), at + len(found))):
        found += block
    return found


@lru_cache(maxsize=1)
def _boot() -> bytes:
    """What is another after each start of the machine; without Linux's word for it, nothing tells."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)
