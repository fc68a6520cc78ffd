"""plupload: Plupload 2.3 with `chunk_size`. A file that it sends whole is an ordinary form, or a raw body.

Pieces come one after the other with `name chunk chunks`, or, with `send_chunk_number: false`, with `name offset total`:
in the form before the file, which is called "blob", or in the query (`multipart: false`). What must not live here: how
uploads of one name are told apart (serial.py).

Nothing says which file a piece is of but its name and the number of pieces, and no piece says how long it is. All but
the last are of one length, for Plupload reads `chunk_size` once for each file: the first piece gives it. With
`unique_names: true` no two files have the same name; without, two of them from two tabs at the same time do not mix,
but the one that comes second is told to wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from webob import Response

from ..body import Block
from ..engine.hooks import storing
from ..errors import BadRequest, UploadError
from ..partials import Partial
from ..request import UploadRequest
from ..validators import check_declared_size
from . import replies
from .base import form_of
from .chunked import Piece, count_of, number_of
from .serial import SerialProtocol

__all__ = ["Plupload"]

_BLOB = "blob"
#: The word under which an upload's record keeps the length of its pieces.
_LENGTH = "length"


class Plupload(SerialProtocol):
    """Pieces with `chunk` and `chunks`, or with `offset` and `total`."""

    name = "plupload"

    def matches(self, request: UploadRequest) -> bool:
        """A POST with those names that is one piece of several; "offset" and "total" are common words, so their file
        must be called "blob"."""
        if request.method != "POST":
            return False
        fields = self._fields(request)
        if {"name", "chunk", "chunks"} <= fields.keys():
            return fields["chunk"].isdecimal() and fields["chunks"].isdecimal() and fields["chunks"] not in ("0", "1")
        if not {"name", "offset", "total"} <= fields.keys():
            return False
        if request.media_type != "multipart/form-data":
            return request.media_type == "application/octet-stream"
        first = form_of(request, self.mount.settings).first_file
        return first is not None and first.filename == _BLOB

    def handle(self, request: UploadRequest) -> Response:
        """Store the piece."""
        piece = self._piece(self._fields(request))
        if request.media_type != "multipart/form-data":
            length = request.upload_body.length
            if piece.total is not None and length is not None:
                piece = replace(piece, most=length, exact=True)
            return self.take(request, piece, request.upload_body)
        return self.take_form(request, piece)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """With its true status; pages find the message in the answer's text, and in the reason phrase."""
        return replies.reasoned(replies.failure(error, status=error.status), error.message)

    def placed(self, partial: Partial, piece: Piece) -> Piece:
        """A numbered piece begins where the ones before it end, and has their length unless it is the last."""
        if piece.total is not None:
            return piece
        limit = self.mount.settings.max_size
        length = self._length(partial)
        if length is None:
            if piece.start > 0:  # the first piece has not come whole yet
                return replace(piece, start=limit, most=0)
            return replace(piece, most=limit, exact=False)
        if piece.start > 0:  # all that is known of the size: so many pieces, and one byte
            check_declared_size((int(piece.key[1]) - 1) * length + 1, limit)
        most = min(length, limit - piece.start * length) if piece.last else length
        return replace(piece, start=piece.start * length, most=most, exact=not piece.last)

    def store(self, request: UploadRequest, partial: Partial, piece: Piece, chunks: Iterable[Block]) -> int:
        """And keep the first one's length."""
        came = super().store(request, partial, piece, chunks)
        if piece.total is None and piece.start == 0:
            with storing():
                partial.amend(lambda record: record.words.update({_LENGTH: came}))
        return came

    def _length(self, partial: Partial) -> int | None:
        """Of each piece but the last. Before it is written down, no second piece has been taken."""
        known = partial.record.words.get(_LENGTH)
        return int(known) if known else (partial.offset or None)

    def _fields(self, request: UploadRequest) -> Mapping[str, str]:
        if request.media_type != "multipart/form-data":
            return request.query
        return {**request.query, **form_of(request, self.mount.settings).leading()}

    def _piece(self, fields: Mapping[str, str]) -> Piece:
        name = fields["name"] or "file"
        ours = {key: value for key, value in fields.items() if key not in ("chunk", "chunks", "offset", "total")}
        if "chunks" in fields and "chunk" in fields:
            number, count = number_of(fields, "chunk"), count_of(fields, "chunks")
            if number >= count:
                raise BadRequest(f"There is no piece {number} of {count} (chunk, chunks).")
            # Until the upload is known, the piece's number stands for its place.
            return Piece((name, str(count)), True, name, number, 0, last=number == count - 1, fields=ours)
        start, total = number_of(fields, "offset"), number_of(fields, "total", least=1)
        if start >= total:
            raise BadRequest("This piece lies behind the end of its file (offset, total).")
        return Piece((name, f"of {total}"), True, name, start, total - start, exact=False, total=total, fields=ours)
