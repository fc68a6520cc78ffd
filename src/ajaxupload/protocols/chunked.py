"""What the chunking widgets have in common: a file in pieces, in any order, side by side, under the client's own key.

What lives here: from what one request says of its piece to the upload that it belongs to, the piece's place, the end,
and the answer. What must not: any one widget's parameter names (one file each).

A piece counts when it is whole. One that comes again is compared and answered like the first time, for browsers repeat
requests by themselves. Every answer has the upload's final id and address: with pieces side by side, the one that the
page gets to see is the one that arrived last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as _new

from webob import Response

from ..body import Block
from ..engine.hooks import storing
from ..errors import BadRequest, Conflict, NoFile, NotFound
from ..naming import display_name
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from . import replies
from .base import Protocol, form_of
from .visitors import show, visitor_of

__all__ = ["ChunkProtocol", "Piece", "count_of", "is_uuid", "number_of"]

#: As many pieces as an upload can have; see partials/file/ledger.py.
MOST_PIECES = 10_000
#: Seconds for which pieces of a stored file are taken for repeats: afterwards the same name and size mean another one.
_MEANT = 600.0
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


class ChunkProtocol(Protocol):
    """Base of the chunking widgets' protocols."""

    def upload_id(self, request: UploadRequest, piece_key: tuple[str, ...], *, guessable: bool) -> str:
        """The id of the upload that the asker calls so."""
        words = (self.name, *piece_key)
        if guessable and self.mount.who(request) is None:
            words = (*words, visitor_of(self.mount, request, *piece_key))
        upload_id = self.mount.key_id(request, *words)
        if not guessable:
            return upload_id
        newest, following = self.numbered(upload_id)
        return following if newest is None or self.mount.resumable().is_past(newest, _MEANT) else newest

    def numbered(self, key: str, size: int | None = None) -> tuple[str | None, str]:
        """The ids of the newest upload (of this size) under a key that names the next file as well, and of the next."""
        store = self.mount.resumable().store
        found, following, number, missed = None, store.key_id("numbered", key, "0"), 0, 0
        while missed < _HOLE:
            upload_id = store.key_id("numbered", key, str(number))
            number, missed = number + 1, missed + 1
            try:
                with storing(), store.find(upload_id) as partial:
                    missed, following = 0, store.key_id("numbered", key, str(number))
                    found = upload_id if size in (None, partial.record.size) else found
            except NotFound:
                continue
        return found, following

    def take(self, request: UploadRequest, piece: Piece, chunks: Iterable[Block]) -> Response:
        """Store the piece; publish the file if it was the last that was missing. The JSON superset."""
        with self.open(request, piece) as partial:
            rest = iter(chunks)
            if partial.record.state == "complete":
                for _ in rest:  # a repeat of what is stored: its clients wait until they have sent it
                    pass
            else:
                self._store_once(request, partial, piece, rest)
            return self.answer(request, partial, self.completed(request, partial))

    def _store_once(self, request: UploadRequest, partial: Partial, piece: Piece, rest: Iterator[Block]) -> None:
        """A repeat that another request overtakes is no failure, once the file is stored."""
        try:
            self.store(request, partial, piece, rest)
        except (NotFound, Conflict):
            if partial.reload().state != "complete":
                raise
            for _ in rest:
                pass

    def take_form(self, request: UploadRequest, piece: Piece) -> Response:
        """As `take`, of the one file in a form."""
        for part in form_of(request, self.mount.settings).files():
            kind = piece.type if piece.type != _UNTYPED else part.type
            return self.take(request, replace(piece, field=part.field, type=kind), part.chunks)
        raise NoFile

    def find_piece(self, request: UploadRequest, piece: Piece) -> Response | None:
        """The answer to a question whether the piece is there; None if it is not. Makes nothing, ends nobody's turn."""
        upload_id = self.upload_id(request, piece.key, guessable=piece.guessable)
        try:
            found = self.mount.find(request, upload_id, "status")
        except NotFound:
            return None
        with found as partial:
            there = partial.record.state == "complete" or not any(
                start < piece.start + piece.most and piece.start < end for start, end in partial.missing()
            )
            if not there or (partial.record.size is None and partial.record.state != "complete"):
                return None
            return self.answer(request, partial, self.completed(request, partial))

    def open(self, request: UploadRequest, piece: Piece) -> Partial:
        """Get or create the piece's upload."""
        upload_id = self.upload_id(request, piece.key, guessable=piece.guessable)
        record = self.record(request, piece, upload_id)
        partial, _new = self.mount.open(request, record)
        if partial.record.size is not None and piece.total not in (None, partial.record.size):
            partial.__exit__()
            raise BadRequest("The pieces of this upload do not agree about its size.")
        return partial

    def record(self, request: UploadRequest, piece: Piece, upload_id: str) -> Record:
        """Of a new upload."""
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
        )

    def store(self, request: UploadRequest, partial: Partial, piece: Piece, chunks: Iterable[Block]) -> int:
        """Put the piece into its place. How many bytes it has."""
        blocks, most, size = iter(chunks), piece.most, partial.record.size
        if not piece.exact and size is not None:
            most = max(0, min(most, size - piece.start))  # the end comes again, now that it is known
        came = self.mount.resumable().piece(
            request, partial, piece.start, most, chunks=lambda: next(blocks, b""), exact=piece.exact
        )
        if piece.last and partial.record.size is None:
            self.mount.resumable().declare(partial, piece.start + came)
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
        if upload is not None:
            facts = self.mount.success(request, [upload])
        else:
            coming = partial.record.upload(partial.offset)
            coming.url = self.mount.url_of(request, coming.id)
            facts = self.mount.success(request, [coming])
        facts["complete"] = upload is not None
        response = replies.json_reply(facts)
        self.shown(request, response)
        return response

    def shown(self, request: UploadRequest, response: Response) -> None:
        """Let an anonymous browser be known again."""
        if self.mount.partials is not None:
            show(self.mount, request, response)


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
