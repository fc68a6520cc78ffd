"""What was stored, by its upload's URL: GET and DELETE of `<endpoint>/<id>`, where the endpoint has `serve` or
`allow_delete` on.

What lives here: the two requests. What must not: who may have or delete which file (engine/stored.py), how a file
leaves without doing harm (download.py).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from urllib.parse import quote

from webob import Response

from ..errors import NotFound, UploadError
from ..request import UploadRequest
from . import replies
from .base import Mount, Protocol
from .download import attachment

__all__ = ["Deleting", "deleted", "stored_elsewhere", "stored_file"]

_LONGEST = 200
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def stored_file(mount: Mount, request: UploadRequest, upload_id: str = "") -> Response:
    """The file of a complete upload of the asker's, as an attachment: by default that of the URL. Raises NotFound.

    Only while the upload's record lives (`stored_for`), and only from a backend that can `open`.
    """
    upload_id = upload_id or request.tail
    if not mount.settings.serve or not _ID.fullmatch(upload_id):
        raise NotFound
    with mount.stored(request, upload_id, "read") as partial:
        record = partial.record
    file = mount.resumable().read(record)
    try:
        file.fileno()
        size = None
    except (AttributeError, io.UnsupportedOperation):
        size = record.size or 0
    # Through the request: a Range and what the client has cached already are WebOb's business.
    return request.get_response(attachment(file, record.name, size))


def stored_elsewhere(mount: Mount, request: UploadRequest) -> Response:
    """302 to where the store has the file of the URL's upload, for who may ask about it: NotFound.

    The answers to a file's first pieces tell its upload's URL, for the store's own is known when all of it is there.
    """
    if not _ID.fullmatch(request.tail) or mount.partials is None or not mount.partials.ready():
        raise NotFound
    with mount.find(request, request.tail, "status") as partial:
        record = partial.record
    url = mount.resumable().url(record)
    if not url:
        raise NotFound
    response = Response(status=302, content_type=None)
    response.headers["Location"] = quote(str(url), safe="/:?#[]@!$&'()*+,;=%~-._")
    response.headers["Cache-Control"] = "no-store"
    return response


def deleted() -> Response:
    """The answer after deleting: blueimp and Fine Uploader take it alike."""
    return replies.json_reply({"success": True})


class Deleting(Protocol):
    """DELETE of a stored upload's URL, as `deleteUrl` and `deleteType` of every answer say it; from an iframe, which
    can only post, POST with `?_method=DELETE` (jquery.iframe-transport.js). No protocol of uploading: endpoints with
    `allow_delete` have it whatever else they speak, and before that."""

    name = "stored"
    methods = ()
    upload_methods = ("DELETE",)

    def __init__(self, mount: Mount, protocols: Sequence[Protocol]) -> None:
        super().__init__(mount)
        self._protocols = protocols

    def matches(self, request: UploadRequest) -> bool:
        """All but those of tus, which deletes at the same URLs, and says that it is tus."""
        posted = request.method == "POST" and request.query.get("_method", "").upper() == "DELETE"
        if not (posted or request.method == "DELETE") or "Tus-Resumable" in request.headers:
            return False
        return 0 < len(request.tail) <= _LONGEST and "/" not in request.tail and self.mount.resumable().ready()

    def handle(self, request: UploadRequest) -> Response:
        """Delete it. What is not the asker's is answered as what is not there."""
        try:
            upload_id = self._id(request)
            if upload_id is None:
                raise NotFound
            self.mount.delete(request, upload_id)
        except NotFound:
            if (other := self._other(request)) is None:
                raise
            try:
                return other.handle(request)
            except UploadError as error:
                return other.refuse(request, error)
        return deleted()

    def _other(self, request: UploadRequest) -> Protocol | None:
        """Whose request it is if nothing is stored under its URL: unfinished uploads are deleted there too. (A client
        of tus says that it is one.)"""
        if request.method == "POST":
            return None
        return next((each for each in self._protocols if each.name != "tus" and each.matches(request)), None)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """As JSON, with the true status."""
        return replies.failure(error, status=error.status)

    def _id(self, request: UploadRequest) -> str | None:
        """The stored upload that the URL means: by our id, or by what a protocol's client calls it."""
        named = (each.called(request, request.tail) for each in self._protocols)
        found = (upload_id for upload_id in (request.tail, *named) if upload_id is not None)
        return next((upload_id for upload_id in found if self._is_stored(upload_id)), None)

    def _is_stored(self, upload_id: str) -> bool:
        try:
            with self.mount.resumable().store.find(upload_id) as partial:
                return partial.record.state == "complete"
        except NotFound:
            return False
