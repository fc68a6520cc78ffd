"""What a partial upload is: its record, and what the engine may ask of whatever keeps it.

What lives here: `Record`, the facts of one upload as plain data, and the interface of a place that keeps uploads. What
must not: any one place.

Nothing is kept in the process: a record and its bytes belong to whichever worker has the next request. Two things move
fast and are therefore no fields of the record: how much has come (`offset`), and when somebody was last here.
"""

from __future__ import annotations

import dataclasses
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field as _new
from typing import Any, BinaryIO, Protocol

from ..errors import UploadError
from ..upload import Upload

__all__ = ["Partial", "Partials", "Record", "Turn", "Whole"]

#: The record's own version: what another one means, nobody can know.
_FORMAT = 1
_HEAD = b'{"format": %d, "crc32": %d, "upload": '
_as_json = json.JSONEncoder(default=str).encode


@dataclass(slots=True)
class Record:
    """One upload that takes several requests. Fields that `Upload` has too mean the same.

    `endpoint` is the path of the endpoint that it was created at, `store` a key of the store that it goes to; where
    either is another one, nobody knows it. `words` are the protocol's
    own, as the client said them. `ttl` is for how many seconds after the last change it is kept. `state` is "open",
    "complete" (stored, and the record tells its clients so until it expires) or "refused" (for good, `error` says why).
    `fragment` says that its bytes are no file, but will be part of one: its name and content tell nothing.
    `owner` is whose list it stands in once it is stored: a key, of the principal's or of an anonymous visitor's.
    `planned` is the name under which it is about to become visible: a crash in that moment must not make a second file.
    """

    id: str
    endpoint: str
    store: str = ""
    name: str = "file"
    filename: str | None = None
    size: int | None = None
    type: str = "application/octet-stream"
    sniffed: str | None = None
    field: str | None = None
    fields: dict[str, str] = _new(default_factory=dict)
    path_names: dict[str, str] = _new(default_factory=dict)
    metadata: dict[str, str] = _new(default_factory=dict)
    words: dict[str, Any] = _new(default_factory=dict)
    principal: str | None = None
    owner: str | None = None
    protocol: str = ""
    fragment: bool = False
    state: str = "open"
    planned: str | None = None
    digest: str | None = None
    result: dict[str, Any] = _new(default_factory=dict)
    url: str | None = None
    error: dict[str, Any] | None = None
    created: float = _new(default_factory=time.time)
    completed: float | None = None
    ttl: float = 86400.0

    def to_json(self) -> bytes:
        """As it is kept: with a checksum, for a damaged record must not pass for another one."""
        text = _as_json({name: getattr(self, name) for name in _FIELDS}).encode()
        return _HEAD % (_FORMAT, zlib.crc32(text)) + text + b"}"

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        """ValueError for what is no record of this format."""
        at = text.find(b"{", 1)
        facts = text[at:-1]
        if at < 0 or text[:at] != _HEAD % (_FORMAT, zlib.crc32(facts)) or text[-1:] != b"}":
            raise ValueError("a record that is damaged, or of another version")
        try:
            return cls(**json.loads(facts))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"no record of an upload: {error}") from error

    def complete(self, upload: Upload) -> None:
        """It was stored, and this became of it."""
        self.state, self.completed = "complete", time.time()
        self.filename, self.sniffed, self.digest = upload.filename, upload.sniffed, upload.digest
        self.result, self.url = upload.result, upload.url

    def refuse(self, error: UploadError) -> None:
        """For good, unless it has ended already."""
        if self.state == "open":
            self.state = "refused"
            self.error = {"status": error.status, "code": error.code, "message": error.message}

    def upload(self, offset: int) -> Upload:
        """As hooks and replies see it."""
        facts = {name: getattr(self, name) for name in _SHARED}
        return Upload(**facts, filename=self.filename or self.name, state=self.state, offset=offset)


_FIELDS = tuple(each.name for each in dataclasses.fields(Record))
_SHARED = tuple({each.name for each in dataclasses.fields(Upload)} & {*_FIELDS} - {"filename", "state"})


@dataclass(slots=True)
class Turn:
    """A writer's right to write, until another one takes it: from `at` on, and for a piece up to `end`. `counted` are
    the ranges (from, up to), in order, that counted already when a piece was begun."""

    number: int
    at: int
    end: int | None = None
    counted: Sequence[tuple[int, int]] = ()

    def here(self, stop: int) -> tuple[bool, int]:
        """Does the byte at `at` count already, and up to where is that so, `stop` at most?"""
        for first, last in self.counted:
            if self.at < first:
                return False, min(first, stop)
            if self.at < last:
                return True, min(last, stop)
        return False, stop


class Whole(Protocol):
    """A partial whose bytes are all there, as a backend's `adopt` gets it.

    A backend that may crash between making it visible and saying so plans the name first: the next attempt finds in
    `planned` (a stored name's last segment) where to look for what is there already.
    """

    size: int

    @property
    def path(self) -> str | None:
        """The file on this machine, if it is one."""

    @property
    def planned(self) -> str | None:
        """The name that an earlier attempt may have published it under."""

    def open(self) -> BinaryIO:
        """Its bytes, from the start. Raises OSError."""

    def plan(self, name: str) -> None:
        """Record the name under which it is about to become visible. Raises OSError."""


class Partial(Protocol):
    """One upload, open for one request. Close it, or use it as a context manager.

    Two manners of writing. KEEP (`begin`, `put`): each block counts as soon as it is written. WHOLE (`begin`, `hold`,
    `accept`; or, for pieces in any order, `begin_piece`, `put_piece`, `accept_piece`): nothing counts before `accept`.
    A turn that another request has taken raises Fenced; so does any turn after `status` or `remove`.
    """

    def __enter__(self) -> Partial: ...
    def __exit__(self, *_error: object) -> None: ...

    @property
    def record(self) -> Record:
        """As it was read last, or as it will be saved."""

    @property
    def offset(self) -> int:
        """Bytes that count, from the start without a gap. Asking disturbs nobody."""

    @property
    def expires(self) -> float:
        """When it will be thrown away unless something changes: seconds since the epoch."""

    def status(self) -> int:
        """End every writer's turn; the offset, which the next writer is accepted at and no crash takes back."""

    def sync(self) -> int:
        """Make all that counts survive a power cut, if the place is durable. Returns how much that is."""

    def flush(self) -> None:
        """Let a `sync` that follows wait for little: between two blocks of a long request. Raises OSError."""

    def begin(self, at: int) -> Turn:
        """Take the turn from whoever has it. OffsetMismatch, which carries the right one, unless `at` is the offset."""

    def put(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """Write at the turn's place; the bytes count. Raises Fenced, OSError (what was written before it counts)."""

    def hold(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """Write at the turn's place; the bytes do not count yet. Raises Fenced, OSError."""

    def accept(self, turn: Turn) -> None:
        """What was held counts. Raises Fenced."""

    def begin_piece(self, start: int, end: int) -> Turn | None:
        """Take the turn for these bytes from whoever writes some of them; None where all of them count already."""

    def put_piece(self, turn: Turn, block: bytes | bytearray | memoryview) -> None:
        """Write at the turn's place; the bytes do not count yet. Raises Fenced, OSError."""

    def accept_piece(self, turn: Turn, start: int, crc: int) -> None:
        """The piece from `start` counts, durably; `crc` is its CRC-32. Raises Fenced, OSError."""

    def knows_other(self, start: int, end: int, crc: int) -> bool:
        """Was just this range accepted as a piece, with another CRC-32? Also when its bytes are gone."""

    def missing(self) -> list[tuple[int, int]]:
        """The ranges (from, up to) below the size that do not count yet; a size that is unknown is infinite: []."""

    def read(self, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start`, whether they count or not. Raises OSError."""

    def save(self) -> None:
        """Replace the record, atomically. Raises OSError; NotFound when the upload was removed meanwhile, Conflict when
        it has ended meanwhile, and not as the record says."""

    def amend(self, change: Callable[[Record], None]) -> None:
        """Read the record, `change` it and replace it, with nobody between. Raises as `save`, and what it raises."""

    def declare(self, size: int) -> None:
        """Record the size of an upload that was made without one. Conflict where it has another, or more has come."""

    def reload(self) -> Record:
        """The record as another request may have left it. Raises NotFound."""

    def finishing(self, patience: float) -> AbstractContextManager[None]:
        """Be the only one, of all processes, who finishes it. Busy when somebody else is, for longer than `patience`
        seconds."""

    def whole(self) -> Whole:
        """For a backend to adopt, when all bytes count."""

    def assemble(self, parts: Sequence[Partial]) -> None:
        """Make the bytes of these, in this order, its own, and count them. Raises OSError."""

    def drop_data(self) -> None:
        """It was stored or refused: give its bytes back, keep its record. Never raises."""

    def remove(self) -> None:
        """Leave nothing of it, ending every writer's turn. Never raises; may be called again."""


class Partials(Protocol):
    """A place that keeps uploads."""

    def startup(self) -> None:
        """Make the place and try it out. Raises ConfigError."""

    def create(self, record: Record, reserve: Callable[[Record], None] = ...) -> tuple[Partial, bool]:
        """The upload with the record's id, and whether it is new: `reserve` is asked first then, and may refuse by
        raising. Raises OSError."""

    def find(self, upload_id: str) -> Partial:
        """Raises NotFound."""

    def key_id(self, *words: str) -> str:
        """The id that these words (endpoint, principal, client's key) have here always, and nobody can guess."""

    def sweep(self, older_than: float | None = None) -> Iterator[tuple[Record | None, int]]:
        """Remove what has expired, or is older than `older_than` seconds; the record (None: unreadable) and offset of
        each."""
