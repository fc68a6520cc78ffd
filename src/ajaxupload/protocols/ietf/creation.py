"""The record of an upload that a request creates.

What lives here: what the creating request says about the file. What must not: its body (protocol.py).

"A client can start a resumable upload from any request that can carry content by including the Upload-Complete header
field". The request targets the endpoint, so its name, type and method mean what they mean without the header (raw.py).
"""

from __future__ import annotations

from typing import Any

from ...errors import BadRequest
from ...filetypes import extension_for
from ...partials import Record
from ...request import UploadRequest
from ...upload import new_id
from ...validators import check_declared_size
from ..base import Mount
from ..raw import named_by
from ..tus.headers import metadata, text_of
from . import digests, fields
from .lengths import indicated
from .versions import Version

__all__ = ["PARTIAL_TYPE", "record_of"]

#: The body of an append. tus-js-client also says it of a creation's body: it is no type of a file.
PARTIAL_TYPE = "application/partial-upload"
_UNTYPED = "application/octet-stream"
#: tus-js-client 4.3.1, which alone writes Upload-Metadata in these versions, takes an upload for complete when its
#: offset is its length, and forgets to say so: of an empty file, and in Node of every file that it reads in chunks. The
#: drafts leave completing to the client; its file would be lost.
_TUS_JS = (5, 6)
#: What `curl --data-binary` calls anything.
_NO_TYPE = ("", PARTIAL_TYPE, "application/x-www-form-urlencoded")


def record_of(mount: Mount, request: UploadRequest, version: Version, *, complete: bool) -> Record:
    """Raises BadRequest, TooLarge, and LengthRequired where the body's end cannot be known.

    "metadata MUST be validated and/or sanitized": names and types go the way of all others, through the engine.
    """
    if fields.integer(request.headers, "Upload-Offset"):
        raise BadRequest("An upload begins at Upload-Offset 0.", code="bad_offset")
    values = text_of(metadata(request.headers.get("Upload-Metadata", "")))
    kind = request.media_type
    if kind in _NO_TYPE:
        kind = values.get("filetype") or values.get("type") or ""
    words: dict[str, Any] = {"method": request.method}
    if version.number in _TUS_JS and "Upload-Metadata" in request.headers:
        words["by_length"] = True
    if expected := digests.given(request.headers, "Repr-Digest"):
        words["expected"] = {name: value.hex() for name, value in expected.items()}
    if wish := digests.wanted(request.headers):
        words["wanted"] = wish
    size = indicated(request, 0, None, complete=complete)
    check_declared_size(request.upload_body.length if size is None else size, mount.settings.max_size)
    name = named_by(request) or values.get("filename") or values.get("name")
    return Record(
        _id(mount, request),
        mount.settings.path,
        name=name or "file" + extension_for(kind),
        type=kind or _UNTYPED,
        # "The server MUST record the length according to ... if the Upload-Length or Upload-Complete: ?1 header fields
        # are included in the request."
        size=size,
        metadata=values,
        words=words,
        protocol="ietf",
        path_names=dict(request.path_names),
    )


def _id(mount: Mount, request: UploadRequest) -> str:
    """One that "makes it hard to be guessed"; for a client that says a key, what this key has always
    (draft-ietf-httpapi-idempotency-key-header)."""
    key = request.headers.get("Idempotency-Key", "").strip()
    return mount.key_id(request, "ietf", key) if key else new_id()
