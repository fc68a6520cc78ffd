"""blueimp: jQuery File Upload 10, and whoever else sends a range of a file with Content-Range.

Whole files come as a form with `files[]`, in an iframe where it must be, or as a bare body (`multipart: false`); with
`maxChunkSize` each piece says in Content-Range where it belongs and in Content-Disposition what its file is called.
What must not live here: how uploads of one name are told apart (serial.py).

Its page shows `files[].error` of an answer with 2xx, and of any other the reason phrase. A refusal of a whole file
comes therefore with 200, but one in the middle of a file may not: the client would go on with the next piece. The
answer's `Range: 0-<last>` says how far the file has come, and the client goes on from there, wherever it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from webob import Response

from ..engine.finish import raise_refusal
from ..errors import BadRequest, UploadError
from ..partials import Partial
from ..request import UploadRequest
from ..upload import Upload
from . import replies
from .base import form_of, store_files
from .chunked import Piece
from .raw import named_by
from .serial import SerialProtocol, out_of_turn
from .visitors import greet

__all__ = ["Blueimp"]

_FIELD = "files[]"
# RFC 9110 section 14.4: "bytes" SP first-pos "-" last-pos "/" complete-length
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


class Blueimp(SerialProtocol):
    """POST or PUT with Content-Range; whole files in the field `files[]`, or named by jQuery's XHR."""

    name = "blueimp"
    methods = ("POST", "PUT")

    def matches(self, request: UploadRequest) -> bool:
        """Ranges; and whole files as this widget sends them, whose refusals it wants with 200."""
        if request.method not in self.methods:
            return False
        if "Content-Range" in request.headers:
            return self.mount.partials is not None
        if request.method != "POST":
            return False
        if request.media_type != "multipart/form-data":
            return _by_jquery(request) and "Content-Disposition" in request.headers
        if not _by_jquery(request) and replies.dialect(request) != "iframe":
            return False
        first = form_of(request, self.mount.settings).first_file
        return first is not None and first.field == _FIELD

    def answers(self, request: UploadRequest) -> bool:
        """How much of a file has come, before its upload is resumed; and what is stored, where that may be listed."""
        if request.method != "GET" or request.tail:
            return False
        return "file" in request.query or (self.mount.settings.allow_list and _by_jquery(request))

    def handle(self, request: UploadRequest) -> Response:
        """Answer the question, or store the files, or the piece."""
        if request.method == "GET" and "file" in request.query:
            return self._how_far(request)
        if request.method == "GET":
            greet(self.mount, request)  # what this browser uploads next will be its own
            return replies.json_reply({"files": self.mount.success(request, self.mount.listed(request))["files"]})
        if "Content-Range" in request.headers:
            piece = self._piece(request)
            if request.media_type == "multipart/form-data":
                return self.take_form(request, piece)
            return self.take(request, replace(piece, type=request.media_type or piece.type), request.upload_body)
        if request.media_type == "multipart/form-data":
            return self._whole(request)
        return self._body(request)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """200 with the reason for whole files; a piece's with its status, and the reason as its phrase."""
        if request.method == "GET" or "Content-Range" in request.headers:
            return replies.reasoned(replies.failure(error, status=error.status), error.message)
        if error.file is None:  # its page looks for each file's error at the file's place
            error.file = named_by(request) or "file"
        return replies.failure(error, status=200, as_html=replies.dialect(request) == "iframe")

    def early(self, request: UploadRequest, partial: Partial, piece: Piece) -> Response:
        """Say from where to go on; nothing can say so of the first byte, and nobody to the client of another file."""
        if not partial.offset or self.took_over(partial):
            raise out_of_turn("Nothing of this file is here (any more). Please send it again from its start.")
        return self.answer(request, partial, None)

    def answer(self, request: UploadRequest, partial: Partial, upload: Upload | None) -> Response:
        """With how far it has come; no farther than this piece, for what follows may be of another file that begins
        like this one, and is compared when it comes."""
        response = super().answer(request, partial, upload)
        if partial.offset:
            end = self._piece(request)
            response.headers["Range"] = f"0-{min(partial.offset, end.start + end.most) - 1}"
        return response

    # ---- whole files -------------------------------------------------------------------------------------------------

    def _whole(self, request: UploadRequest) -> Response:
        form = form_of(request, self.mount.settings)
        target = form.leading().get("redirect") if replies.dialect(request) == "iframe" else None
        if target is not None:
            _check_target(request, target)
        uploads = store_files(self.mount, request, form, self.name)
        return self._stored(request, uploads, target)

    def _body(self, request: UploadRequest) -> Response:
        body = request.upload_body
        with self.mount.batch(request, self.name) as batch:
            kind = request.media_type or "application/octet-stream"
            batch.receive(named_by(request) or "file", body, size=body.length, type=kind)
            return self._stored(request, batch.publish(), None)

    def _stored(self, request: UploadRequest, uploads: Sequence[Upload], target: str | None) -> Response:
        facts = self.mount.success(request, uploads)
        if target is not None:  # to a page of the widget, which hands the answer to the one around the iframe
            told = quote(json.dumps({"files": facts["files"]}, default=str), safe="")
            return Response(status=302, location=target.replace("%s", told), content_type=None)
        return replies.json_reply(facts, as_html=replies.dialect(request) == "iframe")

    # ---- ranges ------------------------------------------------------------------------------------------------------

    def _piece(self, request: UploadRequest) -> Piece:
        found = _RANGE.fullmatch(request.headers["Content-Range"].strip())
        if found is None:
            raise BadRequest("Content-Range must say where the piece belongs: bytes <first>-<last>/<size>.")
        start, last, total = map(int, found.groups())
        if not start <= last < total:
            raise BadRequest("This Content-Range lies outside of its file.")
        most = last - start + 1
        length = request.upload_body.length
        if request.media_type != "multipart/form-data" and length not in (None, most):
            raise BadRequest("The body is not as long as its Content-Range says.")
        name, fields = named_by(request), {}
        if request.media_type == "multipart/form-data":
            form = form_of(request, self.mount.settings)
            name = name or (form.first_file.filename if form.first_file else None)
            fields = dict(form.leading())
        return Piece((name or "file",), True, name or "file", start, most, total=total, fields=fields)

    def _how_far(self, request: UploadRequest) -> Response:
        """`{"file": {"size": <bytes that have come>}}`, or null: of a file that is complete, the next begins anew.

        `size` in the query, the file's size, tells files of one name apart.
        """
        name, size = request.query["file"], request.query.get("size", "")
        total = int(size) if size.isascii() and size.isdigit() and len(size) <= 18 else None
        key = self.asked(request, (name,), total)
        found = self.numbered(key, total)[0] if key is not None else None
        come: dict[str, object] | None = None
        if found is not None:
            with self.mount.find(request, found.record.id, "status") as partial:
                raise_refusal(partial.record)
                if partial.record.state == "open" and partial.offset:
                    # As it stands: asking for more would end the turn of a piece that another tab is sending.
                    come = {"name": partial.record.name, "size": partial.offset}
        return replies.json_reply({"file": come})


def _by_jquery(request: UploadRequest) -> bool:
    """jQuery's `dataType: "json"` asks for "application/json, text/javascript, */*; q=0.01"."""
    return "text/javascript" in request.headers.get("Accept", "") and "X-Requested-With" in request.headers


def _check_target(request: UploadRequest, target: str) -> None:
    """A redirect to a page elsewhere would hand what was stored to whoever made the form."""
    try:
        parts = urlsplit(target)
        here = target.startswith(("/", request.host_url + "/")) and target.isprintable() and "\\" not in target
        own = here and not (target.startswith("/") and (parts.scheme or parts.netloc))
    except ValueError:
        own = False
    if not own:
        raise BadRequest("The field redirect must be an address of this site.", code="bad_redirect")
