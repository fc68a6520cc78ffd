"""valums: Andrew Valums' file-uploader as django-ajax-uploader ships it (qq.FileUploader, 2010-2014).

Two requests: raw XHR, `POST ?<params>&qqfile=NAME` with the file as body; and, in browsers of its day, a form in an
iframe with one file field `qqfile`. Its clients read an answer's text only with status 200 and evaluate it as
JavaScript after the browser parsed it as HTML, so errors come with 200 and iframe answers as escaped text/html.
"""

from __future__ import annotations

from webob import Response

from ..errors import UploadError
from ..request import UploadRequest
from . import replies
from .base import Protocol, form_of, refuse_pieces, store_files

__all__ = ["Valums"]


class Valums(Protocol):
    """`?qqfile=` with a raw body, or a multipart form posted with `?qqfile=` or into an iframe with a file `qqfile`."""

    name = "valums"

    def matches(self, request: UploadRequest) -> bool:
        """A POST that names its file `qqfile`. Fine Uploader's raw mode for whole files is the same request."""
        if request.method != "POST":
            return False
        if "qqfile" in request.query:
            return True
        if request.media_type != "multipart/form-data" or replies.dialect(request) not in ("iframe", "page"):
            return False
        first = form_of(request, self.mount.settings).first_file
        return first is not None and first.field == "qqfile" and "qquuid" not in first.fields

    def handle(self, request: UploadRequest) -> Response:
        """Store the body or the form's file; 200 and the JSON superset."""
        if request.media_type == "multipart/form-data":
            form = form_of(request, self.mount.settings)
            refuse_pieces(request, form)
            uploads = store_files(self.mount, request, form, self.name)
        else:
            refuse_pieces(request)
            body = request.upload_body
            with self.mount.batch(request, self.name) as batch:
                # 2.0's fileuploader.js says the file's type here, and octet-stream in Content-Type
                kind = request.headers.get("X-Mime-Type") or "application/octet-stream"
                batch.receive(request.query["qqfile"], body, size=body.length, type=kind, fields=request.query)
                uploads = batch.publish()
        return replies.json_reply(self.mount.success(request, uploads), as_html=_in_iframe(request))

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """200 with `error`, the one way in which that old script shows a reason; true status to who asks for JSON."""
        status = error.status if replies.wants_json(request) else 200
        return replies.failure(error, status=status, as_html=_in_iframe(request))


def _in_iframe(request: UploadRequest) -> bool:
    return replies.dialect(request) in ("iframe", "page")
