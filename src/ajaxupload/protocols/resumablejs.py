"""resumablejs: Resumable.js 1.1 and, with its other prefix, Flow.js 2.14.

Each piece is a POST with the parameters in the query and, before the file, in the form (or with the bare piece as its
body); before it, a GET with the same parameters asks whether that piece is there. What must not live here: how pieces
are kept (chunked.py).

"There" is 200. "Absent" is 204, for Flow.js gives a file up at a 404. Both give up at 404, 415, 500 and 501,
Resumable.js at 400 too and Flow.js at 413. Anything else is tried again, by Resumable.js up to a hundred times without
a pause: what is final is told by 400, or 415.
"""

from __future__ import annotations

from collections.abc import Mapping

from webob import Response

from ..errors import UploadError
from ..options import options_for
from ..request import UploadRequest
from . import replies
from .base import Mount, form_of
from .chunked import ChunkProtocol, Piece, count_of, number_of

__all__ = ["Flow", "ResumableJs"]


#: What a request says of its piece.
_WORDS = (
    "chunkNumber", "chunkSize", "currentChunkSize", "totalSize", "type", "identifier", "fileName", "relativePath",
    "totalChunks",
)  # fmt: skip


class ResumableJs(ChunkProtocol):
    """Requests with `resumableIdentifier`."""

    name = "resumablejs"
    #: What the client takes for final, so that it ends instead of being sent a hundred times; which of them says so.
    final: tuple[int, ...] = (400, 404, 415, 500, 501)
    refusal = 400
    #: As the page calls them.
    options: Mapping[str, str] = {
        "parameterNamespace": "",
        **{f"{each}ParameterName": f"resumable{each[0].upper()}{each[1:]}" for each in _WORDS if each != "fileName"},
        "fileNameParameterName": "resumableFilename",
    }

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount)
        self._names = self._named(options_for(mount.settings.protocol_options, self.name, self.options))

    def _named(self, options: Mapping[str, str]) -> dict[str, str]:
        """What each word is called."""
        return {each: options["parameterNamespace"] + options[f"{each}ParameterName"] for each in _WORDS}

    def matches(self, request: UploadRequest) -> bool:
        """A POST with the identifier, in the query or before the file."""
        return request.method == "POST" and self._names["identifier"] in self._fields(request)

    def answers(self, request: UploadRequest) -> bool:
        """The question whether a piece is there."""
        return request.method == "GET" and self._names["identifier"] in request.query

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
        """What is final as such, by its own status if that is final to the client; the rest is tried again."""
        status = self.refusal if error.permanent and error.status not in self.final else error.status
        if not error.permanent and status in self.final:
            status = 503
        return replies.failure(error, status=status)

    def _fields(self, request: UploadRequest) -> Mapping[str, str]:
        if request.method != "POST" or request.media_type != "multipart/form-data":
            return request.query
        return {**request.query, **form_of(request, self.mount.settings).leading()}

    def _piece(self, fields: Mapping[str, str]) -> Piece:
        names = self._names
        number, count = number_of(fields, names["chunkNumber"], least=1), count_of(fields, names["totalChunks"])
        start = (number - 1) * number_of(fields, names["chunkSize"], least=1)
        total = number_of(fields, names["totalSize"])
        name = fields.get(names["fileName"], "") or "file"
        # The identifier is the size and the name's ASCII letters: two names in Japanese of one size have the same.
        key = (fields[names["identifier"]], name, fields.get(names["relativePath"], ""), str(total))
        # The last piece has up to twice the size, unless forceChunkSize is set.
        told = names["currentChunkSize"] in fields
        most = number_of(fields, names["currentChunkSize"]) if told else total - start
        kind = fields.get(names["type"], "") or "application/octet-stream"
        ours = {name: value for name, value in fields.items() if name not in names.values()}
        return Piece(key, True, name, start, most, total=total, last=number == count, type=kind, fields=ours)

    def _told(self, request: UploadRequest, piece: Piece) -> Response:
        """200 with the upload's facts, or 204."""
        found = self.find_piece(request, piece)
        if found is not None:
            return found
        response = Response(status=204, content_type=None)
        response.headers["Cache-Control"] = "no-store"
        return response


class Flow(ResumableJs):
    """Requests with `flowIdentifier`: the same, with another prefix."""

    name = "flow"
    final = (404, 413, 415, 500, 501)
    refusal = 415
    options = {"prefix": "flow"}  # noqa: RUF012 - as annotated above; nobody writes to it

    def _named(self, options: Mapping[str, str]) -> dict[str, str]:
        """All begin alike."""
        named = {each: f"{options['prefix']}{each[0].upper()}{each[1:]}" for each in _WORDS}
        return {**named, "fileName": f"{options['prefix']}Filename"}
