"""What the chunking widgets have in common: a file in pieces, in any order, side by side, under the client's own key.

What lives here: from what one request says of its piece to the upload that it belongs to, the piece's place, the end,
and the answer. What must not: any one widget's parameter names (one file each).

A piece counts when it is whole. One that comes again is compared and answered like the first time, for browsers repeat
requests by themselves. Every answer has the upload's final id, and an address: with pieces side by side, the one that
the page gets to see is the one that arrived last. That of a stored file is null where nobody can get it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as _new

from webob import Response

from ..body import Block
from ..engine.hooks import storing
from ..errors import BadRequest, NoFile, NotFound, PieceDiffers
from ..naming import display_name
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from . import replies, visitors
from .base import Protocol, form_of

__all__ = ["ChunkProtocol", "Piece", "count_of", "is_uuid", "number_of"]

#: As many pieces as an upload can have; see partials/file/ledger.py.
MOST_PIECES = 10_000
#: Seconds for which pieces of a stored file are taken for repeats: afterwards the same name and size mean another one.
_MEANT = 600.0
#: Seconds by which a piece without a cookie may be overtaken by the cookie, and after which an upload was given up.
_LATE, _PAUSE = 10.0, 600.0
#: Seconds for which an upload stays refused in which two people met, so that both are told.
_TOLD = 60.0
#: Where the record of an upload that others could be taken for the sender of has its key.
_SHARED = "shared"
#: Numbers that may be missing in a row: uploads under one key expire in about the order in which they were begun.
_HOLE = 16
#: RFC 9562: what the widgets make of random numbers, in either case.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_UNTYPED = "application/octet-stream"


@dataclass(frozen=True)
class Piece:
    """What a request says of the piece that it brings.

    `key` is what the client calls the upload. `guessable` says that others could call theirs the same. `start` is the
    piece's first byte in the file, `most` how many bytes it may have, `exact` whether it must have that many. `total`
    is the file's size, None where the client does not know; then `last` says whether this piece is its end.
    """

    key: tuple[str, ...]
    guessable: bool
    name: str
    start: int
    most: int
    exact: bool = True
    total: int | None = None
    last: bool = False
    type: str = "application/octet-stream"
    field: str | None = None
    fields: Mapping[str, str] = _new(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """Under which a visitor's uploads of one name are numbered; `shared` with whoever cannot be told apart from it."""

    text: str
    shared: bool = False


@dataclass(frozen=True)
class Found:
    """The newest upload under a key that names the next file as well. `touched` is when anything of it changed."""

    record: Record
    touched: float

    @property
    def over(self) -> bool:
        """Does the key mean another file by now?"""
        record, now = self.record, time.time()
        if record.state == "complete":
            return now - (record.completed or record.created) > _MEANT
        met = record.error is not None and record.error["code"] == PieceDiffers.code
        return met and now - self.touched > _TOLD


class ChunkProtocol(Protocol):
    """Base of the chunking widgets' protocols."""

    def upload_id(self, request: UploadRequest, key: tuple[str, ...], *, guessable: bool, first: bool = False) -> str:
        """The id of the upload that the asker calls so; `first` as in `key_of`."""
        if not guessable:
            return self.mount.key_id(request, self.name, *key)
        return self._current_id(self.key_of(request, key, first=first))

    def _current_id(self, key: Key) -> str:
        found, following = self.numbered(key)
        return following if found is None or found.over else found.record.id

    def key_of(self, request: UploadRequest, key: tuple[str, ...], size: int | None = None, first: bool = False) -> Key:
        """The key under which the asker's uploads of that name (and size) are numbered.

        A visitor whose cookie came in the middle of an upload goes on with what was begun without it, and was under way
        by then; with the `first` piece of a file only while that is `in_the_way`.
        """
        mount, words = self.mount, (self.name, *key)
        if mount.who(request) is not None:
            return Key(mount.key_id(request, *words))
        visitor = visitors.visitor_of(mount, request, settling=True)
        shared = Key(mount.key_id(request, *words, "~", visitors.stand_in(mount, request, *key)), shared=True)
        if not visitor.settled:
            return shared
        own = Key(mount.key_id(request, *words, visitor.id))
        if self.numbered(own, size)[0] is not None:
            return own
        begun, _ = self.numbered(shared, size)
        if begun is None or begun.over or begun.record.created > visitor.since + _LATE:
            return own
        mine = visitor.takes_part(shared.text)
        if first:
            return shared if mine and self.in_the_way(begun) else own
        return shared if mine or begun.touched > visitor.since - _PAUSE else own

    def in_the_way(self, begun: Found) -> bool:
        """Must a first piece wait for what its browser has begun without its cookie?"""
        return False

    def asked(self, request: UploadRequest, piece_key: tuple[str, ...], size: int | None = None) -> Key | None:
        """As `key_of`, for a question: None for who has sent nothing of what others may have begun. It is told that
        nothing is there, sends all of it, and what it sends is compared."""
        key = self.key_of(request, piece_key, size) if self.mount.resumable().keyed() else None
        if key and key.shared and not visitors.visitor_of(self.mount, request, settling=True).takes_part(key.text):
            return None
        return key

    def numbered(self, key: Key, size: int | None = None) -> tuple[Found | None, str]:
        """The newest upload (of this size) under a key that names the next file as well, and the next one's id."""
        store = self.mount.resumable().store
        found, following, number, missed = None, store.key_id("numbered", key.text, "0"), 0, 0
        while missed < _HOLE:
            upload_id = store.key_id("numbered", key.text, str(number))
            number, missed = number + 1, missed + 1
            try:
                with storing(), store.find(upload_id) as partial:
                    missed, following = 0, store.key_id("numbered", key.text, str(number))
                    if size in (None, partial.record.size):
                        found = Found(partial.record, partial.expires - partial.record.ttl)
            except NotFound:
                continue
        return found, following

    def take(self, request: UploadRequest, piece: Piece, chunks: Iterable[Block]) -> Response:
        """Store the piece; publish the file if it was the last that was missing. The JSON superset."""
        with self.open(request, piece) as partial:
            is_new = not self.is_there(partial, piece)
            try:
                if partial.record.state == "complete":
                    self.repeat(partial, piece, chunks)
                else:
                    self.store(request, partial, piece, chunks)
            except PieceDiffers as error:
                if self.shared(partial):  # two people, perhaps: what has come may be of both, and must be no file
                    self.mount.resumable().refuse(request, partial, error)
                raise
            if is_new:
                self.took_part(request, partial)
            return self.answer(request, partial, self.completed(request, partial))

    def repeat(self, partial: Partial, piece: Piece, chunks: Iterable[Block]) -> None:
        """A piece of what is stored already: its clients wait until they have sent it."""
        rest = iter(chunks)
        self.mount.resumable().repeat(partial, piece.start, chunks=lambda: next(rest, b""))

    def shared(self, partial: Partial) -> str | None:
        """The key under which others may have begun it as well, None where it is one visitor's own."""
        key: str | None = partial.record.words.get(_SHARED)
        return key

    def took_part(self, request: UploadRequest, partial: Partial) -> None:
        """The asker has sent a piece of it that was not there: who has only repeated what is there may be about to send
        another file, which begins alike."""
        if key := self.shared(partial):
            visitors.took_part(self.mount, request, key)

    def take_form(self, request: UploadRequest, piece: Piece) -> Response:
        """As `take`, of the one file in a form."""
        for part in form_of(request, self.mount.settings).files():
            kind = piece.type if piece.type != _UNTYPED else part.type
            return self.take(request, replace(piece, field=part.field, type=kind), part.chunks)
        raise NoFile

    def find_piece(self, request: UploadRequest, piece: Piece) -> Response | None:
        """The answer to a question whether the piece is there; None if it is not. Makes nothing, ends nobody's turn."""
        try:
            found = self.mount.find(request, self._asked_id(request, piece), "status")
        except NotFound:
            return None
        with found as partial:
            known = partial.record.size is not None or partial.record.state == "complete"
            there = known and self.is_there(partial, piece)
            return self.answer(request, partial, self.completed(request, partial)) if there else None

    def is_there(self, partial: Partial, piece: Piece) -> bool:
        """Does all of the piece count, as far as can be told of an upload whose size is not known?"""
        gaps = partial.missing() if partial.record.state != "complete" else []
        return not any(start < piece.start + piece.most and piece.start < end for start, end in gaps)

    def _asked_id(self, request: UploadRequest, piece: Piece) -> str:
        if not piece.guessable and self.mount.resumable().keyed():
            return self.upload_id(request, piece.key, guessable=False)
        if key := self.asked(request, piece.key):
            return self._current_id(key)
        raise NotFound

    def open(self, request: UploadRequest, piece: Piece) -> Partial:
        """Get or create the piece's upload."""
        if piece.guessable:
            key = self.key_of(request, piece.key)
            record = self.record(request, piece, self._current_id(key), key.text if key.shared else None)
        else:
            record = self.record(request, piece, self.upload_id(request, piece.key, guessable=False))
        partial, _new = self.mount.open(request, record)
        if partial.record.size is not None and piece.total not in (None, partial.record.size):
            partial.__exit__()
            raise BadRequest("The pieces of this upload do not agree about its size.")
        return partial

    def record(self, request: UploadRequest, piece: Piece, upload_id: str, shared: str | None = None) -> Record:
        """Of a new upload, which may be others' as well if it is `shared` by that key."""
        return Record(
            upload_id,
            self.mount.settings.path,
            name=display_name(piece.name),
            size=piece.total,
            type=piece.type,
            field=piece.field,
            fields=dict(piece.fields),
            path_names=dict(request.path_names),
            protocol=self.name,
            words={_SHARED: shared} if shared else {},
        )

    def store(self, request: UploadRequest, partial: Partial, piece: Piece, chunks: Iterable[Block]) -> int:
        """Put the piece into its place. How many bytes it has."""
        blocks, most, size = iter(chunks), piece.most, partial.record.size
        if not piece.exact:  # it says how many bytes it may have at most, and need not have them
            most = max(0, min(most, (self.mount.settings.max_size if size is None else size) - piece.start))
        came = self.mount.resumable().piece(
            request, partial, piece.start, most, chunks=lambda: next(blocks, b""), exact=piece.exact
        )
        if piece.last and partial.record.size is None:
            self.mount.resumable().declare(request, partial, piece.start + came)
        return came

    def completed(self, request: UploadRequest, partial: Partial) -> Upload | None:
        """The stored file, once all of it is here."""
        if partial.record.size is None:
            partial.reload()  # the last piece may have come through another worker
        if partial.record.state == "complete" or partial.offset == partial.record.size:
            return self.mount.finish(request, partial)
        return None

    def answer(self, request: UploadRequest, partial: Partial, upload: Upload | None) -> Response:
        """What was stored, or where it will be."""
        found = partial.record.upload(partial.offset) if upload is None else upload
        if upload is None:  # the store's own, or one by `serve`, is known when it is complete
            found.url = self.mount.url_of(request, found.id)
        facts = self.mount.success(request, [found], owned=partial.record.owner is not None)
        return replies.json_reply({**facts, "complete": upload is not None})


def is_uuid(text: str) -> bool:
    """Does it look like what nobody else has chosen?"""
    return bool(_UUID.fullmatch(text))


def number_of(fields: Mapping[str, str], name: str, *, least: int = 0) -> int:
    """A field as a whole number. BadRequest says which one is wrong."""
    text = fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or int(text) < least:
        raise BadRequest(f"The field {name} must be a whole number from {least} on.")
    return int(text)


def count_of(fields: Mapping[str, str], name: str) -> int:
    """A number of pieces, of which an upload can have so many."""
    count = number_of(fields, name, least=1)
    if count > MOST_PIECES:
        raise BadRequest(f"A file can be sent in at most {MOST_PIECES} pieces ({name}).")
    return count
