"""Which requests are tus, and the answer to each.

What lives here: creation, HEAD, PATCH, DELETE, OPTIONS, and the headers that every answer has. What must not: the
reading of header values (headers.py), the wording of refusals (wording.py), concatenation (concatenation.py).
"""

from __future__ import annotations

import re

from webob import Response

from ...engine import ALGORITHMS
from ...errors import BadRequest, MethodNotAllowed, NotFound, TooLarge, UnsupportedType, UploadError
from ...partials import Partial
from ...request import UploadRequest
from ...upload import Upload
from .. import replies
from ..base import Mount, Protocol
from ..stored import stored_file
from . import concatenation, wording
from .checksums import expected, reads_trailers
from .creation import create, given_up_if_it_fails
from .extensions import EXTENSIONS, check_names, refuse_disabled
from .headers import expires, number

__all__ = ["Tus"]

VERSION = "1.0.0"
#: The body of a PATCH and of a creation with upload.
PIECE_TYPE = "application/offset+octet-stream"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
#: The IETF protocol has its own HEAD and PATCH on the same URLs.
_IETF = ("Upload-Draft-Interop-Version", "Upload-Complete", "Upload-Incomplete")


class UnsupportedVersion(UploadError):
    """ "If the version specified by the Client is not supported by the Server, it MUST respond with the 412
    Precondition Failed status and MUST include the Tus-Version header into the response. In addition, the Server MUST
    NOT process the request." """

    status = 412
    code = "unsupported_version"
    default = f"This server speaks tus {VERSION}: send Tus-Resumable: {VERSION}."


class Tus(Protocol):
    """Requests with Tus-Resumable, and what is asked of an upload's URL without it."""

    name = "tus"
    upload_methods = ("HEAD", "PATCH", "DELETE")

    def __init__(self, mount: Mount) -> None:
        super().__init__(mount)
        self._verbs = {"POST": self._create, "HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}
        off = mount.settings.tus_disable
        check_names(off)
        self._extensions = tuple(name for name in EXTENSIONS if name not in off)
        if "termination" in off:
            del self._verbs["DELETE"]

    def matches(self, request: UploadRequest) -> bool:
        """Those with Tus-Resumable; without it, those that can be nothing else, and are told so."""
        if "Tus-Resumable" in request.headers:
            return True
        if any(name in request.headers for name in _IETF):
            return False
        if request.method == "POST":
            says = any(name in request.headers for name in ("Upload-Length", "Upload-Defer-Length", "Upload-Concat"))
            # wsgiref says text/plain where the client said nothing
            return request.media_type == PIECE_TYPE or (says and request.media_type in ("", "text/plain"))
        return request.method in ("PATCH", "DELETE") and bool(_ID.fullmatch(request.tail))

    def answers(self, request: UploadRequest) -> bool:
        """HEAD of an upload's URL. GET is no business of tus, but its clients' errors look like tus too."""
        if request.method == "GET":
            return "Tus-Resumable" in request.headers and bool(request.tail)
        if request.method != "HEAD" or any(name in request.headers for name in _IETF):
            return False
        return "Tus-Resumable" in request.headers or bool(_ID.fullmatch(request.tail))

    def handle(self, request: UploadRequest) -> Response:
        """Do what the request asks; every answer says the version."""
        method = _method(request)
        # "Tus-Resumable ... MUST be included in every request and response except for OPTIONS requests." A HEAD without
        # it does no harm, and people type them.
        if request.headers.get("Tus-Resumable", VERSION if method == "HEAD" else "") != VERSION:
            raise UnsupportedVersion
        if method == "GET":
            return self._finished(request, stored_file(self.mount, request))
        # The endpoint itself takes creations, and an upload everything else.
        allowed = tuple(verb for verb in self._verbs if (verb == "POST") != bool(request.tail) or verb == "HEAD")
        if method not in allowed:
            raise MethodNotAllowed(("OPTIONS", *allowed))
        return self._finished(request, self._verbs[method](request))

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """With the version too, and with no offset of what is not there."""
        return self._finished(request, wording.refusal(request, error))

    def _finished(self, request: UploadRequest, response: Response) -> Response:
        response.headers["Tus-Resumable"] = VERSION
        if response.status_int == 412:
            response.headers["Tus-Version"] = VERSION
        return response

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def advertise(self, request: UploadRequest, response: Response) -> None:
        """ "A successful response indicated by the 204 No Content or 200 OK status MUST contain the Tus-Version header.
        It MAY include the Tus-Extension and Tus-Max-Size headers." """
        response.headers["Tus-Version"] = VERSION
        response.headers["Tus-Extension"] = ",".join(self._offered(request))
        response.headers["Tus-Max-Size"] = str(self.mount.settings.max_size)
        if "checksum" in self._extensions:
            # "The Tus-Checksum-Algorithm header MUST be included in the response to an OPTIONS request."
            response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
        response.headers["Tus-Resumable"] = VERSION

    def _head(self, request: UploadRequest) -> Response:
        """ "The Server MUST always include the Upload-Offset header in the response for a HEAD request, even if the
        offset is 0, or the upload is already considered completed." """
        with self._find(request, "status") as partial:
            response = _empty(200)
            # "The Server MUST prevent the client and/or proxies from caching the response by adding the Cache-Control:
            # no-store header to the response."
            response.headers["Cache-Control"] = "no-store"
            record = partial.record
            waits = "parts" in record.words and not concatenation.assemble(self.mount, request, partial, must=False)
            if not waits:
                offset = self.mount.resumable().status(partial)
                self._complete(request, partial, offset)
                response.headers["Upload-Offset"] = str(offset)
            self._tell(response, partial)
            return response

    def _tell(self, response: Response, partial: Partial) -> None:
        """What HEAD says of an upload beside its offset."""
        record, words = partial.record, partial.record.words
        if record.size is not None:
            response.headers["Upload-Length"] = str(record.size)
        elif "parts" not in words:
            # "As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1 in all
            # responses to HEAD requests."
            response.headers["Upload-Defer-Length"] = "1"
        if words.get("metadata"):
            # "If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata
            # header and its value as specified by the Client during the creation."
            response.headers["Upload-Metadata"] = words["metadata"]
        if words.get("concat"):
            # "The response to a HEAD request for a partial or final upload MUST include the Upload-Concat header and
            # its value as received in the upload creation request."
            response.headers["Upload-Concat"] = words["concat"]
        self._expire(response, partial)

    # ---- what is done ------------------------------------------------------------------------------------------------

    def _create(self, request: UploadRequest) -> Response:
        refuse_disabled(request, self._extensions)
        partial, new = create(self.mount, request, may_wait="concatenation-unfinished" in self._extensions)
        with partial:
            response = _empty(201)
            # Relative to the host: behind a proxy that ends TLS we do not know our own scheme.
            response.headers["Location"] = self.mount.url_of(request, partial.record.id)
            offset = partial.offset
            with given_up_if_it_fails(self.mount, request, partial, new=new):
                if self._has_data(request, partial):
                    if new:
                        offset = self._take(request, partial, 0)
                    response.headers["Upload-Offset"] = str(offset)
                upload = self._complete(request, partial, offset)
            self._expire(response, partial)
            return self._represented(request, response, upload)

    def _has_data(self, request: UploadRequest, partial: Partial) -> bool:
        """Is the creation's body the first bytes? "The Client MUST include the Content-Type:
        application/offset+octet-stream header"; any other body is ignored."""
        offered = "creation-with-upload" in self._extensions
        return offered and request.media_type == PIECE_TYPE and "parts" not in partial.record.words

    def _patch(self, request: UploadRequest) -> Response:
        if request.media_type != PIECE_TYPE:
            # "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD
            # return a 415 Unsupported Media Type status."
            raise UnsupportedType(f"A PATCH needs Content-Type: {PIECE_TYPE}.", code="bad_content_type")
        at = number(request.headers, "Upload-Offset", "bad_offset")
        if at is None:
            raise BadRequest("A PATCH needs an Upload-Offset header.", code="bad_offset")
        with self._find(request, "write") as partial:
            concatenation.refuse_final(partial.record)
            self._declare(request, partial)
            if partial.record.state == "complete" and at == partial.offset:
                offset = at  # its last answer was lost, or it asks again for what became of the file
            else:
                offset = self._take(request, partial, at)
            upload = self._complete(request, partial, offset)
            # "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST include the
            # Upload-Offset header containing the new offset."
            response = _empty(204)
            response.headers["Upload-Offset"] = str(offset)
            self._expire(response, partial)
            return self._represented(request, response, upload)

    def _delete(self, request: UploadRequest) -> Response:
        """ "When receiving a DELETE request for an existing upload the Server SHOULD free associated resources and MUST
        respond with the 204 No Content status confirming that the upload was terminated." """
        with self._find(request, "delete") as partial:
            self.mount.resumable().abort(request, partial)
        return _empty(204)

    def _declare(self, request: UploadRequest, partial: Partial) -> None:
        """ "Once it is known the Client MUST set the Upload-Length header in the next PATCH request. Once set the
        length MUST NOT be changed." """
        size = number(request.headers, "Upload-Length", "bad_length")
        if size is None or size == partial.record.size:
            return
        if partial.record.size is not None or size < partial.offset:
            raise BadRequest("Upload-Length cannot be changed, nor be less than what has come.", code="bad_length")
        self.mount.resumable().declare(request, partial, size)

    def _take(self, request: UploadRequest, partial: Partial, at: int) -> int:
        """The body, from `at` on; verified first if it has a checksum."""
        verified = expected(request, self._offered(request))
        try:
            offset = self.mount.resumable().write(request, partial, at, request.upload_body, verified)
        except TooLarge as error:
            if partial.record.size is not None:
                error.code = "size_exceeded"
            raise
        return offset

    def _offered(self, request: UploadRequest) -> tuple[str, ...]:
        """The extensions that this request may use."""
        trailers = "checksum" in self._extensions and "checksum-trailer" not in self.mount.settings.tus_disable
        return (*self._extensions, *(("checksum-trailer",) if trailers and reads_trailers(request) else ()))

    def _complete(self, request: UploadRequest, partial: Partial, offset: int) -> Upload | None:
        """Publish it when all of it is here: parts wait for the upload that they are parts of."""
        record = partial.record
        if offset != record.size:
            return None
        if concatenation.is_part(record):
            concatenation.part_completed(self.mount, request, partial)
            return None
        return self.mount.finish(request, partial)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def _find(self, request: UploadRequest, action: str) -> Partial:
        if not _ID.fullmatch(request.tail):
            raise NotFound
        if (partial := self.mount.find(request, request.tail, action)).record.protocol == self.name:
            return partial
        partial.__exit__()
        raise NotFound  # another protocol's, whose pieces and end follow other rules

    def _expire(self, response: Response, partial: Partial) -> None:
        """Upload-Expires "MUST be included in every PATCH response if the upload is going to expire"."""
        if partial.record.state == "open" and "expiration" in self._extensions:
            response.headers["Upload-Expires"] = expires(partial.expires)

    def _represented(self, request: UploadRequest, response: Response, upload: Upload | None) -> Response:
        """What was stored, in the last answer's body, for a client that asked to be told (RFC 7240 section 4.2)."""
        asked = request.headers.get("Prefer", "").replace(" ", "").lower()
        if upload is None or "return=representation" not in asked:
            return response
        facts = self.mount.success(request, [upload])
        told = replies.json_reply(facts, 201 if response.status_int == 201 else 200)
        said = [pair for pair in response.headers.items() if pair[0] not in ("Content-Length", "Content-Type")]
        told.headers.update(said)
        told.headers["Preference-Applied"] = "return=representation"
        return told


def _empty(status: int) -> Response:
    """An answer that is all in its headers. PEP 3333's checkers want a type wherever there may be a body."""
    return Response(status=status, content_type=None if status == 204 else "text/plain")


def _method(request: UploadRequest) -> str:
    """ "The X-HTTP-Method-Override header MUST be a string which MUST be interpreted as the request's method by the
    Server, if the header is presented." Of a POST only: no page may make a link that deletes."""
    override: str = request.headers.get("X-HTTP-Method-Override", "") if request.method == "POST" else ""
    method: str = request.method
    return override.strip().upper() or method
