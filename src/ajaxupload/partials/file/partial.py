"""One upload that is kept as files: its turns at writing, its end.

What lives here: the order in which bytes, ledger and record are written and synced, so that what was told to a client
stays true. What must not: the ledger's format (ledger.py), the record's file (recorded.py), which uploads there are
(store.py).

A block is written inside the critical section that checks the turn: who has lost it stops before its next block. The
sections are short: a block of at most 1 MiB into the page cache, never a sync, never a client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from itertools import pairwise

from ...errors import Conflict, NotFound, OffsetMismatch, PieceDiffers
from ..base import Partial, Record, Turn
from .copying import copy
from .data import Data
from .ledger import Damaged, Ledger, There
from .lock import locked_file
from .pieces import union
from .recorded import Paths, Recorded
from .tally import Tally
from .whole import FileWhole

__all__ = ["FilePartial"]


class FilePartial:
    """One upload, open for one request; see `Partial`. Made by the store, which hands in its own descriptor."""

    def __init__(self, paths: Paths, record: Record, log: int, *, durable: bool, tally: Tally) -> None:
        self.ledger = Ledger(log, paths.log)
        self._there = There(self.ledger)
        self.recording = Recorded(paths, record, self.ledger, durable=durable)
        self._paths = paths
        self._data = Data(paths.part, durable=durable)
        self._durable = durable
        self._tally = tally

    def __enter__(self) -> FilePartial:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give its descriptors back. May be called again."""
        with closing(self.ledger):
            self._data.close()

    @property
    def record(self) -> Record:
        """As it was read last."""
        return self.recording.record

    @property
    def offset(self) -> int:
        """Bytes that count. A finished upload's are all."""
        if self.record.state == "complete" and self.record.size is not None:
            return self.record.size
        return self.ledger.peek()

    @property
    def expires(self) -> float:
        """The last change, and the record's `ttl`."""
        return self.ledger.touched + self.record.ttl

    @property
    def has_data(self) -> bool:
        """Are its bytes there?"""
        return self._data.there

    # ---- KEEP --------------------------------------------------------------------------------------------------------

    def status(self) -> int:
        """Fence first, sync then: at most what came since the writer's own last sync, and nobody waits meanwhile."""
        if self.record.state == "complete":
            return self.offset
        with self._there as ledger:
            ledger.fence()
            if not self._durable:
                return ledger.vouch_all()
        return self.sync()

    def sync(self) -> int:
        """Bytes first, then the word that they are there. Nothing is done again that others have done."""
        with self.ledger as ledger:
            kept = ledger.kept
            if ledger.safe >= kept:
                return kept
            if not self._durable:
                return ledger.vouch_all()
        self.flush()
        with self.ledger as ledger:
            ledger.commit(kept)
        self.ledger.sync()
        with self.ledger as ledger:
            ledger.vouch(kept)
            return min(kept, ledger.kept)

    def begin(self, at: int) -> Turn:
        """Raises OffsetMismatch, whose offset no power cut takes back; NotFound."""
        while True:
            with self._there as ledger:
                if at == ledger.kept:
                    if self.record.size is None:
                        self.reload()  # it may be known by now, and stays as it is while the turn lasts
                    return Turn(ledger.fence(), at, None, ledger.counted(at))
            if (kept := self.sync()) != at:
                raise OffsetMismatch(kept, at)

    def put(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """What a full disk still took counts, and is told."""
        with self.ledger as ledger:
            ledger.check(turn.number)
            try:
                self._write(turn, block)
            finally:
                if turn.at > ledger.kept:
                    ledger.advance(turn.at)

    def hold(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """Beyond what counts, where the next writer would write over it."""
        with self.ledger as ledger:
            ledger.check(turn.number)
            self._write(turn, block)

    def accept(self, turn: Turn) -> None:
        """All at once: the ledger's one line."""
        with self.ledger as ledger:
            ledger.check(turn.number)
            ledger.advance(turn.at)

    # ---- WHOLE -------------------------------------------------------------------------------------------------------

    def begin_piece(self, start: int, end: int) -> Turn | None:
        """An empty piece counts already."""
        with self._there as ledger:
            self._data.fd  # noqa: B018 - what counts is compared: by a descriptor that outlives the end of the upload
            counted = ledger.counted(start, end)
            if start == end or any(first <= start and end <= last for first, last in counted):
                return None
            return Turn(ledger.claim(start, end), start, end, counted)

    def put_piece(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """At the turn's place."""
        with self.ledger as ledger:
            ledger.check_claim(turn.number)
            self._write(turn, block)

    def accept_piece(self, turn: Turn, start: int, crc: int) -> None:
        """Synced outside the critical section: pieces that come side by side do not wait for one another's disk."""
        self._data.sync()
        with self.ledger as ledger:
            ledger.add_piece(turn.number, start, turn.at, crc)
        if self._durable:
            self.ledger.sync()

    def knows_other(self, start: int, end: int, crc: int) -> bool:
        """By the ledger, which outlives the bytes."""
        return self.ledger.sum_of(start, end) not in {None, crc}

    def missing(self) -> list[tuple[int, int]]:
        """The gaps between what counts, and the rest up to the size."""
        if self.record.size is None:
            return []
        with self.ledger as ledger:
            found = union([*ledger.pieces(), (self.record.size, self.record.size)])
        return [(before[1], after[0]) for before, after in pairwise(found)]

    def read(self, start: int, size: int) -> bytes:
        """Short at the end of the file only."""
        return self._data.read(start, size)

    # ---- the record --------------------------------------------------------------------------------------------------

    def reload(self) -> Record:
        """ValueError for what is no record."""
        return self.recording.reload()

    def save(self) -> None:
        """Under the lock, so that two who save do not share a draft."""
        with self._there as ledger:
            self.recording.save()
            ledger.advance(ledger.kept)  # a change: it lives longer

    def amend(self, change: Callable[[Record], None]) -> None:
        """Under the lock: nobody else's change is lost."""
        with self._there as ledger:
            change(self.reload())
            self.recording.write()
            ledger.advance(ledger.kept)

    def declare(self, size: int) -> None:
        """The turn of whoever writes from the end on ends: it knew of no limit."""
        with self._there as ledger:
            record = self.reload()
            if record.size == size:
                return
            if record.size is not None or ledger.pieces()[-1][1] > size:
                raise Conflict("The size of an upload cannot be changed, nor be less than what has come.")
            record.size = size
            self.recording.write()
            ledger.raise_epoch()
        with suppress(OSError):
            self._tally.resize(record)

    # ---- the end -----------------------------------------------------------------------------------------------------

    def finishing(self, patience: float) -> AbstractContextManager[None]:
        """The lock of the bytes' file. Where that is gone somebody has finished it: the record says so."""
        return locked_file(self._paths.part, patience)

    def assemble(self, parts: Sequence[Partial]) -> None:
        """By the kernel: a file system that can share extents (XFS, Btrfs) copies nothing."""
        at = 0
        for part in parts:
            with part.whole().open() as source:
                at += copy(source.fileno(), self._data.fd, part.offset, at)
        with self._there as ledger:
            ledger.fence()
            ledger.advance(at)
        self.sync()

    def whole(self) -> FileWhole:
        """What counts must be all: the engine has seen to that. What a writer left behind it goes."""
        size = self.offset
        self._data.cut(size)
        return FileWhole(self.record, self._paths.part, size, self.amend)

    def drop_data(self) -> None:
        """The stored file's own name keeps what was linked."""
        with suppress(OSError), self.ledger.alone():
            if not self.ledger.gone:
                self.recording.settle()  # a power cut may not leave an open upload without its bytes
                self._tally.release(self.record)
                os.unlink(self._paths.part)

    def remove(self) -> None:
        """Inside the critical section: who waits for it finds the ledger gone."""
        self.remove_if(lambda: True)

    def remove_if(self, still: Callable[[], bool]) -> bool:
        """As `remove`, if it is so inside the critical section too; whether it went. Never raises."""
        with suppress(OSError), self.ledger.alone():
            if not self.ledger.gone and still():  # by these names there may be another upload already
                self.erase()
                return True
        return False

    def erase(self) -> None:
        """Inside the critical section: leave nothing of it. Never raises. Its lock goes last: another upload of this id
        may be made, and counted in, from then on."""
        for path in self._paths.notes():
            with suppress(OSError):
                os.unlink(path)
        with suppress(OSError):
            self._tally.release(self.record)
        with suppress(OSError):
            os.unlink(self._paths.log)

    def check_bytes(self) -> None:
        """Damaged where bytes that count are not there; NotFound where an open upload's file is gone."""
        if self.record.state == "open":
            kept = self.ledger.peek()
            try:
                size = os.stat(self._paths.part, follow_symlinks=False).st_size
            except FileNotFoundError as error:
                if self.reload().state == "open":  # else it was finished just now
                    raise NotFound from error
                return
            if size < kept:
                raise Damaged(f"{kept} bytes have come, and {size} are there")

    def _write(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """What counts there already, since before the turn, is compared and never written."""
        rest = memoryview(block).cast("B")
        while rest:
            counts, stop = turn.here(turn.at + len(rest))
            part = rest[: stop - turn.at]
            if not counts:
                self._data.write(turn, part)
            elif self._data.read(turn.at, len(part)) != part:
                raise PieceDiffers
            turn.at = stop
            rest = rest[len(part) :]

    def flush(self) -> None:
        """The bytes alone: nobody has been told of them yet."""
        try:
            self._data.sync()
        except OSError:
            with self.ledger as ledger:
                ledger.fall_back()
            raise
