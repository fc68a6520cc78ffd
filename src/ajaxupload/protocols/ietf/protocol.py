"""Which requests are the IETF protocol's, and the answer to each.

What lives here: creation, offset retrieval, append, cancellation, OPTIONS. What must not: header syntax (fields.py),
what differs between versions (versions.py), bytes (taking.py), the wording of refusals (wording.py).
"""

from __future__ import annotations

import re
import time
from contextlib import suppress

from webob import Response

from ...errors import BadRequest, MethodNotAllowed, NotFound, UnsupportedType, UploadError
from ...partials import Partial
from ...request import UploadRequest
from .. import replies
from ..base import Mount, Protocol
from . import fields, wording
from .completion import complete, was_ended
from .creation import PARTIAL_TYPE, record_of
from .digests import content_digest
from .interim import Interim
from .taking import Sending, explained, take
from .versions import INTEROP, NEWEST, Version, version_of

__all__ = ["Ietf"]

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_MARKS = ("Upload-Complete", "Upload-Incomplete", INTEROP)
_FORM = "multipart/form-data"


class Ietf(Protocol):
    """Requests with Upload-Complete or an interop version, and what else is asked of the uploads that they made."""

    name = "ietf"
    methods = ("POST", "PUT")
    upload_methods = ("HEAD", "PATCH", "DELETE")

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount)
        self._at_upload = {"HEAD": self._head, "GET": self._head, "PATCH": self._append, "DELETE": self._cancel}

    def matches(self, request: UploadRequest) -> bool:
        """By the headers; of a DELETE that has none, by whose the upload is."""
        if "Tus-Resumable" in request.headers:
            return False
        partly = request.media_type == PARTIAL_TYPE
        if request.method in self.methods:
            return partly or (_is_marked(request) and _creates(request))
        if request.method == "PATCH":
            return partly or _is_marked(request)
        return request.method == "DELETE" and self._names_ours(request)

    def answers(self, request: UploadRequest) -> bool:
        """HEAD of an upload's URL, GET if it says that it means the upload and not the file."""
        if "Tus-Resumable" in request.headers:
            return False
        if request.method == "GET":
            return _is_marked(request) and bool(_ID.fullmatch(request.tail))
        return request.method == "HEAD" and self._names_ours(request)

    def _names_ours(self, request: UploadRequest) -> bool:
        """Clients of the final text say nothing in a HEAD or DELETE: then the record knows."""
        if not _ID.fullmatch(request.tail) or _is_marked(request):
            return bool(_ID.fullmatch(request.tail))
        with suppress(UploadError, OSError), self.mount.resumable().store.find(request.tail) as partial:
            return partial.record.protocol == self.name
        return False

    def handle(self, request: UploadRequest) -> Response:
        """Do what the request asks."""
        version = version_of(request.headers)
        if request.method in self.methods:
            return self._create(request, version)
        if not _ID.fullmatch(request.tail):
            raise MethodNotAllowed(("OPTIONS", "GET", "HEAD", *self.methods))
        return self._at_upload[request.method](request, version)

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """Problem details; but what the file itself was refused with is the target's own answer."""
        version = _version_or_newest(request)
        name, complete = version.telling(complete=True)
        if error.headers.get(name) == complete:
            return replies.refusal(request, error)
        response = wording.refusal(error, version)
        if response.status_int == 413:
            # "A server responding with a 413 Content Too Large status code as a result of its upload limits MUST
            # include the Upload-Limit header in this response".
            self._limit(response, version)
        return response

    def advertise(self, request: UploadRequest, response: Response) -> None:
        """ "When responding to an OPTIONS request, if the resource that is the target of the request supports the
        creation of a resumable upload resource, the server MUST include the Accept-Patch header field in the response.
        ... The value of the Accept-Patch header field MUST include the full application/partial-upload media type". And
        of drafts -05 to -09: "MUST include the Upload-Limit header field"."""
        response.headers["Accept-Patch"] = PARTIAL_TYPE
        self._limit(response, _version_or_newest(request))

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def _create(self, request: UploadRequest, version: Version) -> Response:
        ends = _completeness(request)
        if ends is None:
            raise BadRequest(f"A body of {PARTIAL_TYPE} needs Upload-Complete: ?0 or ?1.", code="bad_complete")
        if request.media_type == _FORM:
            raise UnsupportedType("A form cannot be sent in parts. Send the file itself as the body.")
        sending = self._sending(request, version, ends, creating=True)
        record = record_of(self.mount, request, version, complete=ends)
        partial, _new = self.mount.open(request, record)
        # Relative to the host: behind a proxy that ends TLS we do not know our own scheme.
        location = self.mount.url_of(request, partial.record.id)
        with partial, explained(version, partial, location):
            sending.interim.announce(location, self._limits(version, partial))
            response = take(sending, partial, 0)
            # "the server MUST include the Location response header field pointing to the upload resource and MUST
            # include the Upload-Limit header field with the corresponding limits if existing"; "all interim and final
            # response messages for the same request MUST contain an identical Location value."
            response.headers["Location"] = location
            self._limit(response, version, partial)
            return response

    def _head(self, request: UploadRequest, version: Version) -> Response:
        """ "A successful response to a HEAD request against an upload resource MUST include the offset in the
        Upload-Offset header field, MUST include the completeness state in the Upload-Complete header field, MUST
        include the length in the Upload-Length header field, unless the client has not supplied one, ... MUST indicate
        the limits in the Upload-Limit header field, and SHOULD include the Cache-Control header field with the value
        no-store"."""
        _check_bare(request, version)
        with self._find(request, "status") as partial:
            response = Response(status=204, content_type=None)  # which -01 and -02 ask for, and later drafts show
            response.headers["Upload-Offset"] = str(self.mount.resumable().status(partial))
            if was_ended(partial.record):
                complete(self.mount, request, version, partial)
            record = partial.record
            name, value = version.telling(complete=record.state == "complete")
            response.headers[name] = value
            if record.size is not None:
                response.headers["Upload-Length"] = str(record.size)
            if digest := record.words.get("digests"):
                response.headers["Repr-Digest"] = digest
            response.headers["Cache-Control"] = "no-store"
            self._limit(response, version, partial)
            return response

    def _append(self, request: UploadRequest, version: Version) -> Response:
        if version.typed and request.media_type != PARTIAL_TYPE:
            # "by sending a PATCH request with the application/partial-upload media type"; RFC 5789 section 2.2: "can be
            # specified using a 415 (Unsupported Media Type) response ... Such a response SHOULD include an Accept-Patch
            # response header".
            error = UnsupportedType(f"A PATCH needs Content-Type: {PARTIAL_TYPE}.", code="bad_content_type")
            error.headers["Accept-Patch"] = PARTIAL_TYPE
            raise error
        at = fields.integer(request.headers, "Upload-Offset")
        if at is None:
            # "The client MUST indicate the offset of the request content ... by including the Upload-Offset header".
            raise BadRequest("A PATCH needs an Upload-Offset header with a number of bytes.", code="bad_offset")
        ends = _completeness(request)
        if ends is None:  # what is not said to be the end is none; but -01 says so by leaving the header out
            ends = version.inverted
        sending = self._sending(request, version, ends)
        with self._find(request, "write") as partial, explained(version, partial):
            return take(sending, partial, at)

    def _sending(self, request: UploadRequest, version: Version, ends: bool, *, creating: bool = False) -> Sending:
        """All that is said beside the bytes, before anything is made or changed."""
        interim = Interim(request, version, through_proxies=self.mount.settings.interim)
        expected = content_digest(request.headers)
        return Sending(self.mount, request, version, interim, ends, expected, creating)

    def _cancel(self, request: UploadRequest, version: Version) -> Response:
        """ "Upon receiving a DELETE request, the server SHOULD deactivate the upload resource." Whoever writes to it is
        out of turn from then on."""
        _check_bare(request, version)
        with self._find(request, "delete") as partial:
            self.mount.resumable().abort(request, partial)
        return Response(status=204, content_type=None)

    # ---- pieces of answers -------------------------------------------------------------------------------------------

    def _find(self, request: UploadRequest, action: str) -> Partial:
        """ "the server SHOULD ensure that only authorized clients can access the upload resource": the guard is asked.
        Uploads of another protocol are none of ours: they may be parts of others."""
        partial = self.mount.find(request, request.tail, action)
        if partial.record.protocol != self.name:
            partial.__exit__()
            raise NotFound
        return partial

    def _limit(self, response: Response, version: Version, partial: Partial | None = None) -> None:
        if (limits := self._limits(version, partial)) is not None:
            response.headers["Upload-Limit"] = limits

    def _limits(self, version: Version, partial: Partial | None = None) -> str | None:
        """Upload-Limit: of this upload, or of one that would be made now."""
        settings = self.mount.settings
        if version.lifetime is None:
            return None
        lifetime = settings.expires if partial is None else max(0.0, partial.expires - time.time())
        least = {"min-size": settings.min_size} if settings.min_size else {}
        return fields.dictionary({"max-size": settings.max_size, **least, version.lifetime: int(lifetime)})


def _is_marked(request: UploadRequest) -> bool:
    return any(name in request.headers for name in _MARKS)


def _version_or_newest(request: UploadRequest) -> Version:
    try:
        return version_of(request.headers)
    except BadRequest:
        return NEWEST


def _completeness(request: UploadRequest) -> bool | None:
    """Does the request's body end the upload? None where it does not say."""
    complete = fields.truth(request.headers, "Upload-Complete")
    incomplete = fields.truth(request.headers, "Upload-Incomplete")
    return complete if complete is not None or incomplete is None else not incomplete


def _creates(request: UploadRequest) -> bool:
    """Does it create an upload? If not, it is an ordinary request: "Other values MUST cause the entire header field to
    be ignored". So is a whole form, for "the server can choose to offer resumption support": one that does not "ignores
    the Upload-Complete: ?1 header"."""
    complete = _completeness(request)
    if complete is not None and not (complete and request.media_type == _FORM):
        return True
    for name in (*_MARKS, "Upload-Length"):
        request.environ.pop(f"HTTP_{name.upper().replace('-', '_')}", None)
    return False


def _check_bare(request: UploadRequest, version: Version) -> None:
    """-01 to -05: "The request MUST NOT include the Upload-Offset header or the Upload-Complete header. The server MUST
    reject the request with the Upload-Offset header or the Upload-Complete header by sending a 400 (Bad Request)
    response." """
    if version.bare and any(name in request.headers for name in ("Upload-Offset", *_MARKS[:2])):
        raise BadRequest("Neither Upload-Offset nor Upload-Complete belong into this request.", code="bad_header")
