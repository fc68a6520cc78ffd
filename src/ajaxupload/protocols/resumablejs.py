"""resumablejs: Resumable.js 1.1 and, with its other prefix, Flow.js 2.14.

Each piece is a POST with the parameters in the query and, before the file, in the form (or with the bare piece as its
body); before it, a GET with the same parameters asks whether that piece is there. What must not live here: how pieces
are kept (chunked.py).

"There" is 200. "Absent" is 204, for Flow.js gives a file up at a 404. Both give up at 400, 404, 415, 500 and 501;
Resumable.js tries anything else again, up to a hundred times without a pause: what is final is told by 400.
"""

from __future__ import annotations

from collections.abc import Mapping

from webob import Response

from ..errors import UploadError
from ..request import UploadRequest
from . import replies
from .base import form_of
from .chunked import ChunkProtocol, Piece, count_of, number_of

__all__ = ["Flow", "ResumableJs"]

#: What both clients take for final, so that it ends instead of being sent a hundred times.
_FINAL = (400, 404, 415, 500, 501)


class ResumableJs(ChunkProtocol):
    """Requests with `resumableIdentifier`."""

    name = "resumablejs"
    prefix = "resumable"

    def matches(self, request: UploadRequest) -> bool:
        """A POST with the identifier, in the query or before the file."""
        return request.method == "POST" and self._identifier in self._fields(request)

    def answers(self, request: UploadRequest) -> bool:
        """The question whether a piece is there."""
        return request.method == "GET" and self._identifier in request.query

    @property
    def _identifier(self) -> str:
        return f"{self.prefix}Identifier"

    def handle(self, request: UploadRequest) -> Response:
        """Answer the question, or store the piece."""
        fields = self._fields(request)
        piece = self._piece(fields)
        if request.method == "GET":
            return self._told(request, piece)
        if request.media_type != "multipart/form-data":
            return self.take(request, piece, request.upload_body)
        return self.take_form(request, piece)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """What is final as 400, unless its own status is final to them as well; the rest is tried again."""
        status = 400 if error.permanent and error.status not in _FINAL else error.status
        if not error.permanent and status in _FINAL:
            status = 503
        return replies.failure(error, status=status)

    def _fields(self, request: UploadRequest) -> Mapping[str, str]:
        if request.method != "POST" or request.media_type != "multipart/form-data":
            return request.query
        return {**request.query, **form_of(request, self.mount.settings).leading()}

    def _piece(self, fields: Mapping[str, str]) -> Piece:
        p = self.prefix
        number, count = number_of(fields, f"{p}ChunkNumber", least=1), count_of(fields, f"{p}TotalChunks")
        start = (number - 1) * number_of(fields, f"{p}ChunkSize", least=1)
        total = number_of(fields, f"{p}TotalSize")
        name = fields.get(f"{p}Filename", "") or "file"
        # The identifier is the size and the name's ASCII letters: two names in Japanese of one size have the same.
        key = (fields[self._identifier], name, fields.get(f"{p}RelativePath", ""), str(total))
        # The last piece has up to twice the size, unless forceChunkSize is set.
        most = number_of(fields, f"{p}CurrentChunkSize") if f"{p}CurrentChunkSize" in fields else total - start
        kind = fields.get(f"{p}Type", "") or "application/octet-stream"
        ours = {name: value for name, value in fields.items() if not name.startswith(p)}
        return Piece(key, True, name, start, most, total=total, last=number == count, type=kind, fields=ours)

    def _told(self, request: UploadRequest, piece: Piece) -> Response:
        """200 with the upload's facts, or 204."""
        found = self.find_piece(request, piece)
        if found is not None:
            return found
        response = Response(status=204, content_type=None)
        response.headers["Cache-Control"] = "no-store"
        self.shown(request, response)
        return response


class Flow(ResumableJs):
    """Requests with `flowIdentifier`: the same, with another prefix."""

    name = "flow"
    prefix = "flow"
