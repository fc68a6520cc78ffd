"""fineuploader: Fine Uploader 5.16, whole files and pieces, one after the other or side by side, resumed or not.

A request carries its words in the form before the file, or in the query (`paramsInBody: false`); the file is a part of
the form or, with `forceMultipart: false`, the body. Beside that: the word that all pieces were sent
(`chunking.success.endpoint`), deleting by the widget's own id, and the list of what was stored before (`session`). What
must not live here: how pieces are kept (chunked.py), what may be deleted (engine/stored.py).

Success is 200 to 204 and `success: true`. Errors come with their true status and `error`; `preventRetry` ends retries,
and `reset` sends all pieces again. The id is the widget's for good: `newUuid` would be lost on pieces.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from webob import Response

from ..body import Body
from ..errors import BadRequest, Conflict, NotFound, UploadError
from ..options import options_for
from ..request import UploadRequest
from . import replies
from .base import Mount, form_of, store_files
from .chunked import ChunkProtocol, Piece, count_of, is_uuid, number_of
from .stored import deleted
from .visitors import returning

__all__ = ["FineUploader"]

_UNTYPED = "application/octet-stream"
_URLENCODED = "application/x-www-form-urlencoded"
#: Bytes of a body that may be words instead of a file.
_MOST_WORDS = 64 << 10


class FineUploader(ChunkProtocol):
    """Requests with `qquuid`, and the question with `qqtimestamp`."""

    name = "fineuploader"
    #: As the page calls them: `request.*`, `chunking.paramNames.*`.
    options: Mapping[str, str] = {
        "uuidName": "qquuid",
        "filenameParam": "qqfilename",
        "inputName": "qqfile",
        "totalFileSizeName": "qqtotalfilesize",
        "partIndex": "qqpartindex",
        "partByteOffset": "qqpartbyteoffset",
        "chunkSize": "qqchunksize",
        "totalParts": "qqtotalparts",
    }

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount)
        self._names = options_for(mount.settings.protocol_options, self.name, self.options)

    def matches(self, request: UploadRequest) -> bool:
        """A POST with the id: in the query, before the file, or among the words of a body that is no file."""
        if request.method != "POST":
            return False
        fields = self._fields(request)
        return self._names["uuidName"] in fields and (self._is_file(request) or bool(self._words(request)))

    def answers(self, request: UploadRequest) -> bool:
        """The question what was stored before."""
        return request.method == "GET" and "qqtimestamp" in request.query and self.mount.settings.allow_list

    def called(self, request: UploadRequest, name: str) -> str | None:
        """By its own id: `DELETE <endpoint>/<qquuid>`. What others could call so too is nobody's who came just now."""
        if not is_uuid(name) and self.mount.who(request) is None and returning(self.mount, request) is None:
            return None
        return self._id(request, name)

    def handle(self, request: UploadRequest) -> Response:
        """Store a file or a piece, or do what the words say."""
        if request.method == "GET":
            return self._list(request)
        fields = self._fields(request)
        if not self._is_file(request):
            return self._delete(request, fields) if "_method" in fields else self._done(request, fields)
        if self._names["partIndex"] not in fields:
            return self._whole(request, fields)
        piece = self._piece(request, fields)
        if request.media_type == "multipart/form-data":
            return self.take_form(request, piece)
        return self.take(request, piece, request.upload_body)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """With the true status; an iframe reads HTML only."""
        response = replies.failure(error, status=error.status, as_html=_in_iframe(request))
        if isinstance(error, Incomplete):
            response.json_body = {**response.json_body, "reset": True}
        return response

    # ---- files and pieces --------------------------------------------------------------------------------------------

    def _whole(self, request: UploadRequest, fields: Mapping[str, str]) -> Response:
        uuid = fields[self._names["uuidName"]]

        def ids(number: int) -> str:
            id_ = self.upload_id(request, (uuid,), guessable=not is_uuid(uuid), first=True)
            return self.mount.key_id(request, id_, str(number)) if number else id_

        if request.media_type == "multipart/form-data":
            uploads = store_files(self.mount, request, form_of(request, self.mount.settings), self.name, ids)
        else:
            body, kind = request.upload_body, request.headers.get("X-Mime-Type") or _UNTYPED
            with self.mount.batch(request, self.name, ids) as batch:
                batch.receive(self._name(fields), body, size=body.length, type=kind, fields=fields)
                uploads = batch.publish()
        return replies.json_reply(self.mount.success(request, uploads), as_html=_in_iframe(request))

    def _piece(self, request: UploadRequest, fields: Mapping[str, str]) -> Piece:
        names, uuid = self._names, fields[self._names["uuidName"]]
        index, count = number_of(fields, names["partIndex"]), count_of(fields, names["totalParts"])
        if index >= count:
            raise BadRequest(f"The field {names['partIndex']} must be less than {names['totalParts']}.")
        ours = {name: value for name, value in fields.items() if name not in {*names.values(), "qqresume"}}
        return Piece(
            (uuid,),
            not is_uuid(uuid),
            self._name(fields),
            number_of(fields, names["partByteOffset"]),
            number_of(fields, names["chunkSize"]),
            total=number_of(fields, names["totalFileSizeName"]),
            last=index == count - 1,
            type=request.headers.get("X-Mime-Type") or _UNTYPED,
            fields=ours,
        )

    def _name(self, fields: Mapping[str, str]) -> str:
        return fields.get(self._names["filenameParam"]) or fields.get(self._names["inputName"]) or "file"

    def _id(self, request: UploadRequest, uuid: str) -> str:
        return self.upload_id(request, (uuid,), guessable=not is_uuid(uuid))

    # ---- words -------------------------------------------------------------------------------------------------------

    def _done(self, request: UploadRequest, fields: Mapping[str, str]) -> Response:
        """All pieces were sent, says the widget; 200 would be success to it whatever the body says. However often."""
        try:
            with self.mount.find(request, self._id(request, fields[self._names["uuidName"]]), "status") as partial:
                if (upload := self.completed(request, partial)) is not None:
                    return self.answer(request, partial, upload)
        except NotFound:
            pass
        raise Incomplete

    def _delete(self, request: UploadRequest, fields: Mapping[str, str]) -> Response:
        uuid = fields[self._names["uuidName"]]
        try:
            self.mount.delete(request, self._id(request, uuid))
        except NotFound:
            self.mount.delete(request, uuid)  # as the list calls it
        return deleted()

    def _list(self, request: UploadRequest) -> Response:
        """An array of what the asker stored, whatever protocol brought it: `uuid` is what deletes it."""
        items: list[dict[str, Any]] = []
        for upload in self.mount.listed(request):
            items.append({"name": upload.name, "uuid": upload.id, "size": upload.size})
            if upload.result.get("thumbnail_url"):
                items[-1]["thumbnailUrl"] = upload.result["thumbnail_url"]
        return replies.json_reply(items)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _is_file(self, request: UploadRequest) -> bool:
        """Is there a file in the body? Words are posted as a form without one, or as JSON."""
        if request.media_type == "multipart/form-data":
            return True
        named = self._names["inputName"] in request.query or self._names["filenameParam"] in request.query
        return named and not self._is_worded(request)

    def _fields(self, request: UploadRequest) -> Mapping[str, str]:
        if request.media_type == "multipart/form-data":
            return {**request.query, **form_of(request, self.mount.settings).leading()}
        return request.query if self._is_file(request) else {**request.query, **self._words(request)}

    def _is_worded(self, request: UploadRequest) -> bool:
        return request.media_type in (_URLENCODED, "application/json")

    def _words(self, request: UploadRequest) -> Mapping[str, str]:
        """What a body says that is no file: {} unless it is about an upload. Whoever reads the body next finds it."""
        found: dict[str, str] | None = request.environ.get("ajaxupload.fineuploader")
        if found is None:
            found = {}
            if self._is_worded(request) and not {"filename", "name"} & request.query.keys():
                found = _read_words(request)
            if self._names["uuidName"] not in found or not {"_method", self._names["totalParts"]} & found.keys():
                found = {}
            request.environ["ajaxupload.fineuploader"] = found
        return found


class Incomplete(Conflict):
    """Pieces are missing, or all are: they expired. The widget sends them again then, if it is told to."""

    code = "incomplete"
    default = "Not all pieces of this file have come, or it took too long. Please send it again."
    permanent = False


def _read_words(request: UploadRequest) -> dict[str, str]:
    body = request.upload_body
    if body.length is None or body.length > _MOST_WORDS or body.received:
        return {}
    text = b"".join(bytes(block) for block in body)
    request.environ["ajaxupload.body"] = Body(io.BytesIO(text), len(text))
    if request.media_type == _URLENCODED:
        try:
            return dict(parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            return {}
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: str(value) for name, value in found.items() if isinstance(value, (str, int))}


def _in_iframe(request: UploadRequest) -> bool:
    return replies.dialect(request) in ("iframe", "page")
