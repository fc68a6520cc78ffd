"""dropzone: the pieces of Dropzone 5 and 6, one after the other or side by side.

Each is a form whose fields stand before the file. What must not live here: how pieces are kept (chunked.py); Dropzone's
whole files, which are ordinary forms; and the naked pieces of Dropzone 6's `binaryBody`, which say nothing of their
upload and cannot be taken.

`dztotalfilesize` is the size of the original also where the page made a picture smaller: the number of pieces and the
last one's bytes tell the size. There is no request at the end, and any 2xx is success; errors come with their true
status and `error`.
"""

from __future__ import annotations

from webob import Response

from ..errors import BadRequest, UploadError
from ..request import UploadRequest
from . import replies
from .base import form_of
from .chunked import ChunkProtocol, Piece, count_of, is_uuid, number_of

__all__ = ["Dropzone"]


class Dropzone(ChunkProtocol):
    """Forms with `dzuuid` before the file."""

    name = "dropzone"

    def matches(self, request: UploadRequest) -> bool:
        """A form that says which piece of which upload it brings."""
        if request.method != "POST" or request.media_type != "multipart/form-data":
            return False
        return {"dzuuid", "dzchunkindex"} <= form_of(request, self.mount.settings).leading().keys()

    def handle(self, request: UploadRequest) -> Response:
        """Store the piece."""
        form = form_of(request, self.mount.settings)
        fields, first = form.leading(), form.first_file
        index, count = number_of(fields, "dzchunkindex"), count_of(fields, "dztotalchunkcount")
        size, start = number_of(fields, "dzchunksize", least=1), number_of(fields, "dzchunkbyteoffset")
        if index >= count or start != index * size:
            raise BadRequest("The fields dzchunkindex, dzchunkbyteoffset, dzchunksize and dztotalchunkcount disagree.")
        uuid, last = fields["dzuuid"], index == count - 1
        ours = {name: value for name, value in fields.items() if not name.startswith("dz")}
        name = first.filename if first is not None else "file"
        piece = Piece((uuid,), not is_uuid(uuid), name or "file", start, size, exact=not last, last=last, fields=ours)
        return self.take_form(request, piece)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """JSON with `error`, which Dropzone shows; of any other JSON it would show "[object Object]"."""
        return replies.failure(error, status=error.status)
