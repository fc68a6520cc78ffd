"""raw: the body is the file. `curl -T`, `curl --data-binary`, `fetch(url, {body: file})`, XHR.

The name comes from the path below the endpoint (PUT /upload/photo.jpg), the `filename` or `name` query field,
Content-Disposition (RFC 6266) or X-File-Name; without any, one is made from the type. What must not live here: the
`qqfile` dialect (valums.py).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from webob import Response

from ..errors import NoFile, UnsupportedType
from ..filetypes import extension_for
from ..forms import header_parameters
from ..request import UploadRequest
from . import replies
from .base import Protocol, refuse_pieces

__all__ = ["Raw", "named_by"]

_UNTYPED = "application/octet-stream"
# RFC 6266 section 4.3: `filename*`, whose value is in the coding of RFC 8187, goes before `filename`.
_EXTENDED_NAME = re.compile(r""";\s*filename\*\s*=\s*utf-8'[^']*'([^\s;"]+)""", re.IGNORECASE)


class Raw(Protocol):
    """PUT, or POST of anything that is not a form."""

    name = "raw"
    methods = ("POST", "PUT")

    def matches(self, request: UploadRequest) -> bool:
        """A PUT is always raw; a POST is when its body is no form."""
        return request.method == "PUT" or (request.method == "POST" and request.media_type != "multipart/form-data")

    def handle(self, request: UploadRequest) -> Response:
        """Store the body. 201, and a Location where the store gives a URL, for PUT (RFC 9110 9.3.4), else 200."""
        refuse_pieces(request)
        name = named_by(request)
        kind = request.media_type
        if kind == "application/x-www-form-urlencoded" or kind.startswith("multipart/"):
            # It is what `curl --data-binary` calls anything; without a name it may as well be a form that was posted
            # without enctype="multipart/form-data", and that holds no file. Nor is a path a name here: Fine Uploader
            # posts such forms to paths below the endpoint. Multipart bodies of other kinds are e-mail, not files.
            if name is None or (request.method == "POST" and name == request.tail):
                raise UnsupportedType(
                    "This looks like a form without a file. Use enctype=multipart/form-data, or name it: ?filename="
                )
            kind = ""
        body = request.upload_body
        with self.mount.batch(request, self.name) as batch:
            upload = batch.receive(name or "file" + extension_for(kind), body, size=body.length, type=kind or _UNTYPED)
            if name is None and not upload.size:
                raise NoFile  # neither a name nor a byte: fetch(url, {method: "POST"}) sends no file
            uploads = batch.publish()
        response = replies.json_reply(self.mount.success(request, uploads), 201 if request.method == "PUT" else 200)
        if request.method == "PUT" and uploads[0].url:
            response.headers["Location"] = quote(uploads[0].url, safe="/:?#[]@!$&'()*+,;=%~-._")
        return response


def named_by(request: UploadRequest) -> str | None:
    """The name that the request gives its body, None if it gives none."""
    query = request.query
    for found in (request.tail, query.get("filename"), query.get("name"), _disposition(request)):
        if found:
            return found
    return _decoded(request.headers.get("X-File-Name", "")) or None


def _disposition(request: UploadRequest) -> str | None:
    # blueimp writes encodeURI(name) into filename="...".
    header = request.headers.get("Content-Disposition", "")
    if extended := _EXTENDED_NAME.search(header):
        return unquote(extended[1], errors="replace")
    return _decoded(header_parameters(header).get("filename", "")) or None


def _decoded(text: str) -> str:
    """A name from a header: percent-encoded, or UTF-8 bytes that reach WSGI as Latin-1, or both."""
    return unquote(text.encode("latin-1", "replace").decode("utf-8", "replace"), errors="replace")
