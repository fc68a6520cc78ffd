"""The ledger of one upload: how much of it counts, who may write, and what of that a power cut cannot take.

What lives here: the format of the `.log` file and the critical sections over it; the list of pieces at its end is
pieces.py's. What must not: the bytes themselves.

    0     live: the epoch, how much counts from the start ("kept"), how much of that is known to survive a power cut
          ("safe"), the number of the last turn at a piece, the boot id, a checksum
    256   the ledger's own name, drawn when it was made
    512   two places for the kept bytes that are known to be on the disk, written in turns, each with a checksum
    1536  who writes a piece just now
    4096  the pieces that count, appended

The live line is written with every block and never synced by itself: the page cache outlives a process that is killed.
A boot id that is not ours says that it went through a power cut (or a restart, or is another machine's on a shared file
system) and may be ahead of the data: then only what was synced counts, and what was told to a client always was. Turns
stay as they are then: whoever had one died with that boot, or writes on from another machine.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from functools import lru_cache

from ...errors import Fenced, NotFound, TooManyRequests
from . import pieces as piece_list
from .lock import Lock
from .pieces import NAME, NAME_SIZE, PIECES, crc_of, pread, union

__all__ = ["Damaged", "Ledger", "There", "boot_id"]

_MAGIC = b"axupl02\n"
_LIVE = struct.Struct("<8sQQQQ16s")  # magic, epoch, kept, safe, turns, boot id
_SLOT = struct.Struct("<QQ")  # sequence number, kept and on the disk
_CLAIM = struct.Struct("<QQQ")  # first byte, the byte after the last, number of the turn; all 0 when free
_CRC_SIZE = 4
_SLOTS = (512, 1024)  # a sector each: a torn write takes one of them
_CLAIMS, _CLAIM_COUNT = 1536, 100


class Damaged(ValueError):
    """The file is no ledger."""


class Ledger:
    """One upload's ledger, by a descriptor that is its own from here on. `with` it is the critical section, which reads
    it: what it then shows holds inside only. Raises OSError, Damaged."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._lock = Lock(fd, path)
        self.epoch = self.kept = self.safe = self._turns = self._size = 0
        #: Was it removed before the critical section began? In there nobody removes it.
        self.was_gone = False

    def __enter__(self) -> Ledger:
        self._lock.__enter__()
        try:
            self.load()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def alone(self) -> AbstractContextManager[None]:
        """The critical section, for who makes or removes the upload: nothing is read. Raises OSError."""
        return self._lock

    def close(self) -> None:
        """Give the descriptor back. May be called again."""
        fd, self._fd = self._fd, -1
        with suppress(OSError):  # nothing in it waits to be written
            if fd >= 0:
                os.close(fd)

    def make(self, *, durable: bool) -> None:
        """Write an empty one: once it is there, it is never shorter. Raises OSError."""
        os.ftruncate(self._fd, PIECES)
        self._write(os.urandom(NAME_SIZE), NAME)
        self._write_live()
        if durable:
            os.fsync(self._fd)

    def touch(self) -> None:
        """As if something had changed just now."""
        os.utime(self._fd)

    def look(self) -> os.stat_result:
        """At its file."""
        return os.fstat(self._fd)

    @property
    def gone(self) -> bool:
        """Was it removed meanwhile?"""
        return os.fstat(self._fd).st_nlink == 0

    @property
    def touched(self) -> float:
        """When anything changed last: seconds since the epoch."""
        return os.fstat(self._fd).st_mtime

    def peek(self) -> int:
        """The kept bytes, for those who only look: without waiting for anybody, nor changing anything. Raises OSError,
        Damaged."""
        found = self._read_live()
        if found is None:  # torn by somebody who writes it just now; or damaged
            with self._lock:
                found = self._read_live()
        if found is None:
            raise Damaged("no ledger")
        return found[1] if found[4] == boot_id() else self._recoverable()

    # ---- KEEP: one writer, an epoch ----------------------------------------------------------------------------------

    def fence(self) -> int:
        """End every turn; the new epoch."""
        if self._turns:
            self._write(bytes(_CLAIM_COUNT * _CLAIM.size), _CLAIMS)
        return self.raise_epoch()

    def raise_epoch(self) -> int:
        """End the turn of whoever writes from the end on; pieces go on. The new epoch."""
        self.epoch += 1
        self._write_live()
        return self.epoch

    def check(self, epoch: int) -> None:
        """Fenced unless this is still the epoch."""
        if self.epoch != epoch or self.was_gone:
            raise Fenced

    def advance(self, kept: int) -> None:
        """So many bytes count; and the pieces that they have reached."""
        self.kept = kept
        if self._size > PIECES:
            self.kept = self.pieces()[0][1]
        self._write_live()

    def commit(self, kept: int) -> None:
        """So many bytes are on the disk: whoever calls has synced them, and syncs the ledger afterwards."""
        newest = max(self._slots(), default=(0, 0))
        sequence = newest[0] + 1
        text = _SLOT.pack(sequence, max(min(kept, self.kept), newest[1]))  # less is kept when another's sync failed
        self._write(text + crc_of(text), _SLOTS[sequence % 2])

    def vouch(self, kept: int) -> None:
        """The ledger with that commit was synced too: nobody has to do it again."""
        self.safe = max(self.safe, min(kept, self.kept))
        self._write_live()

    def vouch_all(self) -> int:
        """Where nothing is synced, all that counts is as safe as it gets. How much that is."""
        if self.safe < self.kept:
            self.commit(self.kept)
            self.vouch(self.kept)
        return self.kept

    def fall_back(self) -> None:
        """Syncing failed: what was not synced before is lost, though it can still be read. End every turn.

        The kernel drops pages that it could not write, and the next sync of them says that all is well.
        """
        self.kept = self._recoverable()
        self.fence()

    def sync(self) -> None:
        """Make the ledger survive a power cut."""
        os.fsync(self._fd)

    # ---- WHOLE: pieces in any order, a claim each --------------------------------------------------------------------

    def pieces(self) -> list[tuple[int, int]]:
        """All that counts: ranges in order, none touching another, the kept bytes first."""
        found = union([(0, self.kept), *piece_list.ranges(self._fd)])
        if found[0][1] > self.kept:  # who added a piece died before it was said how far that goes
            self.kept = found[0][1]
            self._write_live()
        return found

    def sum_of(self, start: int, end: int) -> int | None:
        """The CRC-32 of the piece of just these bytes, None where none was added."""
        return piece_list.sum_of(self._fd, start, end)

    def counted(self, start: int, end: int | None = None) -> list[tuple[int, int]]:
        """Those of `pieces` that have bytes from `start` on, and before `end`."""
        return [(first, last) for first, last in self.pieces() if last > start and (end is None or first < end)]

    def claim(self, start: int, end: int) -> int:
        """Take the turn for these bytes from whoever writes some of them: the number of the new turn.

        Raises TooManyRequests where no more pieces can be counted.
        """
        if piece_list.is_full(self._fd):
            raise TooManyRequests(f"A file can be sent in at most {piece_list.MOST} pieces.")
        claims = self._claims()
        self._turns = 1 + max(self._turns, *(number for _, _, number in claims))
        for place, (first, last, number) in enumerate(claims):
            if number and first < end and start < last:
                claims[place] = (0, 0, 0)
        free = min(range(_CLAIM_COUNT), key=lambda place: claims[place][2])  # one that is free, else the oldest
        claims[free] = (start, end, self._turns)
        self._write_live()  # first: while it says 0, there are no claims to be ended
        self._write_claims(claims)
        return self._turns

    def check_claim(self, number: int) -> None:
        """Fenced unless nobody has taken this turn."""
        if self.was_gone or all(found != number for _, _, found in self._claims()):
            raise Fenced

    def add_piece(self, number: int, start: int, end: int, crc: int) -> None:
        """The piece counts; its turn ends. Whoever calls has synced its bytes, and syncs the ledger afterwards."""
        self.check_claim(number)
        piece_list.add(self._fd, start, end, crc)
        self.kept = union([(0, self.kept), *piece_list.ranges(self._fd)])[0][1]
        self._write_claims([(0, 0, 0) if claim[2] == number else claim for claim in self._claims()])
        self._write_live()

    # ---- the file ----------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Inside the critical section. Raises Damaged, OSError."""
        found = self._read_live()
        if found is None:
            raise Damaged("no ledger")
        self.epoch, self.kept, self.safe, self._turns, boot = found
        if boot != boot_id():
            piece_list.forget(self._fd)
            self.kept, self.safe = self._recoverable(), 0
            self._write_live()

    def _read_live(self) -> tuple[int, int, int, int, bytes] | None:
        """Epoch, kept, safe, turns, boot id; None for what is no ledger."""
        text, info = pread(self._fd, _LIVE.size + _CRC_SIZE, 0), os.fstat(self._fd)
        self._size, self.was_gone = info.st_size, not info.st_nlink
        if crc_of(text[: _LIVE.size]) != text[_LIVE.size :] or self._size < PIECES:
            return None
        magic, *found = _LIVE.unpack_from(text)
        return tuple(found) if magic == _MAGIC else None

    def _recoverable(self) -> int:
        """The kept bytes that no power cut takes."""
        committed = max(self._slots(), default=(0, 0))[1]
        return union([(0, committed), *piece_list.ranges(self._fd)])[0][1]

    def _slots(self) -> Iterator[tuple[int, int]]:
        first, step = _SLOTS[0], _SLOT.size + _CRC_SIZE
        text = pread(self._fd, _SLOTS[-1] + step - first, first)
        for at in _SLOTS:
            line = text[at - first : at - first + step]
            if line[_SLOT.size :] == crc_of(line[: _SLOT.size]):
                sequence, kept = _SLOT.unpack_from(line)
                yield sequence, kept

    def _claims(self) -> list[tuple[int, int, int]]:
        return list(_CLAIM.iter_unpack(pread(self._fd, _CLAIM_COUNT * _CLAIM.size, _CLAIMS)))

    def _write_claims(self, claims: list[tuple[int, int, int]]) -> None:
        self._write(b"".join(_CLAIM.pack(*claim) for claim in claims), _CLAIMS)

    def _write_live(self) -> None:
        text = _LIVE.pack(_MAGIC, self.epoch, self.kept, min(self.safe, self.kept), self._turns, boot_id())
        self._write(text + crc_of(text), 0)

    def _write(self, text: bytes, at: int) -> None:
        if os.pwrite(self._fd, text, at) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a line is written whole, or there is no room


class There:
    """The critical section of an upload that is there: NotFound."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> Ledger:
        ledger = self._ledger.__enter__()
        if ledger.was_gone:
            self._ledger.__exit__()
            raise NotFound
        return ledger

    def __exit__(self, *error: object) -> None:
        self._ledger.__exit__(*error)


@lru_cache(maxsize=1)
def boot_id() -> bytes:
    """What is another after each start of the machine; without Linux's word for it, nothing tells."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(16)
