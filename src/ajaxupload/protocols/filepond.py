"""filepond: FilePond 4.32, whole files and `chunkUploads`.

`process` is a form whose file has a text field of the same name, `{...}`, right before it; the answer is the upload's
id as plain text, which FilePond puts into the page's form and sends back to `revert` it. In pieces: a POST with
Upload-Length and that field alone makes an upload, whose name comes with each PATCH `?patch=<id>`; HEAD asks how far
it has come. `restore` and `load` hand out what was stored. What must not live here: how pieces are kept.

FilePond takes every piece for stored whose start lies before the offset that HEAD tells, so a piece counts when it is
whole and the offset is always an end of one. When the size is a multiple of the piece's, an empty piece comes last. The
message of a refusal is the reason phrase: FilePond hands that, and nothing else, to the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from webob import Response

from ..engine.hooks import storing
from ..errors import BadRequest, Conflict, Forbidden, NotFound, UploadError
from ..forms import Form
from ..naming import display_name
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload, new_id
from . import replies
from .base import Protocol, form_of, store_files
from .chunked import number_of
from .stored import stored_file

__all__ = ["FilePond"]

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_HARDENED = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_READS = ("restore", "load")
#: Longer than the ids of as many files as a form can have.
_LONGEST_IDS = 8 << 10


class FilePond(Protocol):
    """Forms with its metadata field, `?patch=`, DELETE with an id as its body, `?restore=`, `?load=`."""

    name = "filepond"
    upload_methods = ("PATCH", "DELETE")

    def matches(self, request: UploadRequest) -> bool:
        """By method, query and headers; whole files by the field before the file."""
        if request.method == "PATCH":
            return "patch" in request.query
        if request.method == "DELETE":
            return not request.tail and request.media_type == "text/plain"
        if request.method != "POST" or request.media_type != "multipart/form-data":
            return False
        if "Upload-Length" in request.headers:
            return True
        if replies.dialect(request) != "json" or replies.wants_json(request):
            return False
        form = form_of(request, self.mount.settings)
        return form.first_file is not None and _metadata(form) is not None

    def answers(self, request: UploadRequest) -> bool:
        """How far a file has come; what was stored; and a file from elsewhere, which is refused."""
        if request.method == "HEAD" and "patch" in request.query:
            return True
        return request.method == "GET" and any(name in request.query for name in (*_READS, "fetch"))

    def handle(self, request: UploadRequest) -> Response:
        """Do what the request asks."""
        if request.method == "HEAD":
            return self._status(request)
        if request.method == "GET":
            return self._read(request)
        if request.method == "PATCH":
            return self._patch(request)
        if request.method == "DELETE":
            return self._revert(request)
        if "Upload-Length" in request.headers:
            return self._create(request)
        form = form_of(request, self.mount.settings)
        return _ids(store_files(self.mount, request, form, self.name))

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """The message as text, and as the reason phrase."""
        response = Response(status=error.status, text=error.message, content_type="text/plain", charset="utf-8")
        response.headers.update({**_HARDENED, **error.headers}.items())
        return replies.reasoned(response, error.message)

    # ---- in pieces ---------------------------------------------------------------------------------------------------

    def _create(self, request: UploadRequest) -> Response:
        form = form_of(request, self.mount.settings)
        if form.first_file is not None:
            raise BadRequest("A form with Upload-Length announces a file; the file itself comes in pieces.")
        record = Record(
            new_id(),
            self.mount.settings.path,
            size=number_of(request.headers, "Upload-Length"),
            field=_metadata(form),
            fields=dict(form.fields),
            path_names=dict(request.path_names),
            protocol=self.name,
            fragment=True,  # it has no name yet by which it could be judged
        )
        partial, _new = self.mount.open(request, record)
        with partial:
            return _ids([partial.record])

    def _status(self, request: UploadRequest) -> Response:
        with self._find(request, request.query["patch"], "status") as partial:
            response = Response(status=200, content_type=None)
            response.headers["Upload-Offset"] = str(self.mount.resumable().status(partial))
            response.headers["Cache-Control"] = "no-store"
            return response

    def _patch(self, request: UploadRequest) -> Response:
        at, body = number_of(request.headers, "Upload-Offset"), request.upload_body
        with self._find(request, request.query["patch"], "write") as partial:
            if partial.record.state == "complete":
                # a repeat, or the empty piece behind the last: FilePond reads no answer before it has sent it all
                self.mount.resumable().repeat(partial, at, chunks=body.read)
            else:
                self._check_place(request, partial, at)
                self._name(request, partial)
                size = body.length if body.length is not None else (partial.record.size or 0) - at
                self.mount.resumable().piece(
                    request, partial, at, size, chunks=body.read, exact=body.length is not None
                )
            offset = partial.offset
            if offset == partial.record.size:
                self.mount.finish(request, partial)
            response = Response(status=204, content_type=None)
            response.headers["Upload-Offset"] = str(offset)
            return response

    def _check_place(self, request: UploadRequest, partial: Partial, at: int) -> None:
        """No piece may leave a gap that FilePond would never fill."""
        if at > partial.offset:
            error = Conflict(f"The upload stands at byte {partial.offset}, not {at}.", code="offset_mismatch")
            error.permanent = False
            raise error
        total = request.headers.get("Upload-Length")
        if total is not None and number_of(request.headers, "Upload-Length") != partial.record.size:
            raise BadRequest("The pieces of this upload do not agree about its size.")

    def _name(self, request: UploadRequest, partial: Partial) -> None:
        """The name comes with the pieces: it is judged with the first, before a byte of that is read."""
        if not partial.record.fragment:
            return
        # Raw UTF-8, which XHR sends as it is and WSGI hands on as Latin-1 (PEP 3333, "Unicode Issues").
        raw = request.headers.get("Upload-Name", "").encode("latin-1", "replace").decode("utf-8", "replace")
        name = display_name(raw or "file")
        try:
            self.mount.engine.rules.check_name(name, partial.record.type)
        except UploadError as error:
            error.file = name
            self.mount.resumable().abort(request, partial, error)
            raise

        def named(record: Record) -> None:
            record.name, record.fragment = name, False

        with storing():
            partial.amend(named)

    # ---- what is there -----------------------------------------------------------------------------------------------

    def _revert(self, request: UploadRequest) -> Response:
        """Leave nothing of the upload; of a stored file only where the endpoint allows it."""
        text = b""
        for block in request.upload_body:
            text += bytes(block)
            if len(text) > _LONGEST_IDS:
                raise BadRequest("This is longer than the id of any upload.")
        for upload_id in text.decode("ascii", "replace").strip().split(","):
            with self._find(request, upload_id, "delete") as partial:
                if partial.record.state == "open":
                    self.mount.resumable().abort(request, partial)
                    continue
            self._delete(request, upload_id)
        return Response(status=204, content_type=None)

    def _delete(self, request: UploadRequest, upload_id: str) -> None:
        if not self.mount.settings.allow_delete:
            raise Forbidden("What was stored cannot be deleted here (allow_delete).")
        self.mount.delete(request, upload_id)

    def _read(self, request: UploadRequest) -> Response:
        if "fetch" in request.query:
            # Whoever may upload could let this server ask any address that it can reach.
            raise Forbidden("This server does not fetch files from other addresses: choose the file itself.")
        upload_id = next(request.query[name] for name in _READS if name in request.query).partition(",")[0]
        if not self.mount.settings.serve:
            raise Forbidden("What was stored cannot be had here (serve).")
        return stored_file(self.mount, request, upload_id)

    def _find(self, request: UploadRequest, upload_id: str, action: str) -> Partial:
        if not _ID.fullmatch(upload_id):
            raise NotFound
        return self.mount.find(request, upload_id, action)


def _metadata(form: Form) -> str | None:
    """The name of the field that FilePond puts before the file, which has the same name; None if it is no such form."""
    fields = form.leading()
    last = next(reversed(fields), None) if isinstance(fields, dict) else None
    if last is None or not fields[last].startswith("{"):
        return None
    return last if form.first_file is None or form.first_file.field == last else None


def _ids(uploads: Sequence[Record | Upload]) -> Response:
    """Plain text: FilePond keeps it as it is. Of several files, its image variants, all ids."""
    text = ",".join(upload.id for upload in uploads)
    response = Response(status=200, text=text, content_type="text/plain", charset="utf-8")
    response.headers.update(_HARDENED.items())
    return response
