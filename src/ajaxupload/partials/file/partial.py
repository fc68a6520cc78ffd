"""One upload that is kept as files: its turns at writing, its record, its end.

What lives here: the order in which bytes, ledger and record are written and synced, so that what was told to a client
stays true. What must not: the ledger's format (ledger.py), which uploads there are (store.py).

A block is written inside the critical section that checks the turn: a writer who has lost it stops before its next
block, never after. The sections are short: a block of at most 1 MiB into the page cache, never a sync, never a client.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise

from ...errors import Busy, NotFound, OffsetMismatch
from ...files import sync as sync_file
from ..base import Partial, Record, Turn
from .copying import copy
from .ledger import Ledger, union
from .lock import Lock
from .whole import FileWhole

__all__ = ["FilePartial", "Paths"]

_POLL = 0.02


class Paths:
    """Where one upload's files are: `base` is their path without the extension."""

    def __init__(self, base: str) -> None:
        self.folder = os.path.dirname(base)
        self.record, self.log, self.part = f"{base}.json", f"{base}.log", f"{base}.part"
        self.draft = f"{base}.json.new"

    def all(self) -> tuple[str, ...]:
        """Every file, in the order of removal: without its record an upload does not exist, and its lock goes last."""
        return self.record, self.draft, self.part, self.log


class FilePartial:
    """One upload, open for one request; see `Partial`. Made by the store, which hands in its own descriptors."""

    def __init__(
        self, paths: Paths, record: Record, log: int, *, durable: bool, released: Callable[[Record], None]
    ) -> None:
        self.record = record
        self._paths = paths
        self._log: int | None = log
        self._part: int | None = None
        self._ledger = Ledger(log, paths.log)
        self._durable = durable
        self._released = released

    def __enter__(self) -> FilePartial:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give its descriptors back. May be called again."""
        for fd in (self._log, self._part):
            if fd is not None:
                os.close(fd)
        self._log = self._part = None

    @property
    def offset(self) -> int:
        """Bytes that count. A finished upload's are all, though its ledger may be cut short by then."""
        if self.record.state == "complete" and self.record.size is not None:
            return self.record.size
        return self._ledger.peek()

    @property
    def expires(self) -> float:
        """The last change, and the record's `ttl`."""
        return self._ledger.touched + self.record.ttl

    # ---- KEEP --------------------------------------------------------------------------------------------------------

    def status(self) -> int:
        """Fence first, sync then: at most what came since the writer's own last sync, and nobody waits meanwhile."""
        if self.record.state == "complete":
            return self.offset
        with self._ledger.locked() as ledger:
            self._check_there()
            ledger.fence()
        return self.sync()

    def sync(self) -> int:
        """Bytes first, then the word that they are there."""
        with self._ledger.locked() as ledger:
            kept = ledger.kept
        if self._durable:
            sync_file(self._bytes())
        with self._ledger.locked() as ledger:
            ledger.commit(kept)
        if self._durable:
            self._ledger.sync()
        return kept

    def begin(self, at: int) -> Turn:
        """Raises OffsetMismatch, NotFound."""
        with self._ledger.locked() as ledger:
            self._check_there()
            if at != ledger.kept:
                raise OffsetMismatch(ledger.kept, at)
            return Turn(ledger.fence(), at)

    def put(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """What a full disk still took counts, and is told."""
        with self._ledger.locked() as ledger:
            ledger.check(turn.number)
            try:
                self._write(turn, block)
            finally:
                if turn.at > ledger.kept:
                    ledger.advance(turn.at)

    def hold(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """Beyond what counts, where the next writer would write over it."""
        with self._ledger.locked() as ledger:
            ledger.check(turn.number)
            self._write(turn, block)

    def accept(self, turn: Turn) -> None:
        """All at once: the ledger's one line."""
        with self._ledger.locked() as ledger:
            ledger.check(turn.number)
            ledger.advance(turn.at)

    # ---- WHOLE -------------------------------------------------------------------------------------------------------

    def begin_piece(self, start: int, end: int) -> Turn | None:
        """An empty piece counts already."""
        with self._ledger.locked() as ledger:
            self._check_there()
            if any(first <= start and end <= last for first, last in ledger.pieces()):
                return None
            return Turn(ledger.claim(start, end), start, end)

    def put_piece(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """At the turn's place."""
        with self._ledger.locked() as ledger:
            ledger.check_claim(turn.number)
            self._write(turn, block)

    def accept_piece(self, turn: Turn, start: int) -> None:
        """Synced outside the critical section: pieces that come side by side do not wait for one another's disk."""
        if self._durable:
            sync_file(self._bytes())
        with self._ledger.locked() as ledger:
            ledger.add_piece(turn.number, start, turn.at)
        if self._durable:
            self._ledger.sync()

    def missing(self) -> list[tuple[int, int]]:
        """The gaps between what counts, and the rest up to the size."""
        if self.record.size is None:
            return []
        with self._ledger.locked() as ledger:
            found = union([*ledger.pieces(), (self.record.size, self.record.size)])
        return [(before[1], after[0]) for before, after in pairwise(found)]

    def read(self, start: int, size: int) -> bytes:
        """Short at the end of the file only."""
        return os.pread(self._bytes(), size, start)

    # ---- the record --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Under the lock, so that two who save do not share a draft."""
        with self._ledger.locked() as ledger:
            self._check_there()
            self.write_record()
            ledger.advance(ledger.kept)  # a change: it lives longer

    def write_record(self) -> None:
        """Write, sync, rename, sync: a crash leaves the old record or the new one. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._paths.draft, flags, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(self.record.to_json())
            file.flush()
            if self._durable:
                sync_file(fd)
        os.rename(self._paths.draft, self._paths.record)
        self._sync_folder()

    def reload(self) -> Record:
        """Another worker may have finished it meanwhile."""
        try:
            with open(self._paths.record, "rb") as file:
                self.record = Record.from_json(file.read())
        except FileNotFoundError as error:
            raise NotFound from error
        return self.record

    # ---- the end -----------------------------------------------------------------------------------------------------

    @contextmanager
    def finishing(self, patience: float) -> Iterator[None]:
        """The lock of the bytes' file: it is held for as long as storing takes, and a dead process's falls."""
        deadline = time.monotonic() + patience
        try:
            fd = os.open(self._paths.part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            yield  # somebody has finished it: the record says so
            return
        lock = Lock(fd, self._paths.part)
        try:
            while not lock.acquire(wait=False):
                if time.monotonic() >= deadline:
                    raise Busy
                time.sleep(_POLL)
            try:
                yield
            finally:
                lock.release()
        finally:
            os.close(fd)

    def assemble(self, parts: Sequence[Partial]) -> None:
        """By the kernel: a file system that can share extents (XFS, Btrfs) copies nothing."""
        at = 0
        for part in parts:
            with part.whole().open() as source:
                at += copy(source.fileno(), self._bytes(), part.offset, at)
        with self._ledger.locked() as ledger:
            ledger.fence()
            ledger.advance(at)
        self.sync()

    def whole(self) -> FileWhole:
        """What counts must be all: the engine has seen to that."""
        return FileWhole(self.record, self._paths.part, self.offset, self.save)

    def drop_data(self) -> None:
        """The stored file's own name keeps what was linked."""
        with suppress(OSError):
            os.unlink(self._paths.part)
        with suppress(OSError):
            self._released(self.record)

    def remove(self) -> None:
        """Inside the critical section: who waits for it finds the ledger gone."""
        try:
            with self._ledger.locked() as ledger:
                ledger.fence()
                self._unlink()
        except (OSError, ValueError):  # a ledger that cannot be read
            self._unlink()

    def _unlink(self) -> None:
        if self._ledger.gone:
            return  # somebody else has: by these names another upload may be there already
        for path in self._paths.all():
            with suppress(OSError):
                os.unlink(path)
        with suppress(OSError):
            self._released(self.record)

    # ---- bytes -------------------------------------------------------------------------------------------------------

    def _write(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        fd, rest = self._bytes(), memoryview(block).cast("B")
        while rest:
            written = os.pwrite(fd, rest, turn.at)
            if not written:
                raise OSError(errno.EIO, "a write wrote nothing")
            turn.at += written
            rest = rest[written:]

    def _bytes(self) -> int:
        if self._part is None:
            try:
                self._part = os.open(self._paths.part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise NotFound from error
        return self._part

    def _check_there(self) -> None:
        if self._ledger.gone:
            raise NotFound

    def _sync_folder(self) -> None:
        if self._durable:
            fd = os.open(self._paths.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_file(fd)
            finally:
                os.close(fd)
