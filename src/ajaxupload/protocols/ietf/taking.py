"""The body of a creation or an append: which bytes are taken, and what is told when it goes wrong.

What lives here: the checks before the first byte, and the state that each refusal carries. What must not: writing
(engine/write.py), what completes an upload (completion.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from webob import Response

from ...engine import Expected
from ...engine.finish import raise_refusal
from ...engine.hooks import storing
from ...errors import AjaxUploadError, BadRequest, DigestMismatch, Fenced, OffsetMismatch, TooLarge, UploadError
from ...partials import Partial
from ...request import UploadRequest
from ...validators import check_declared_size
from ..base import Mount
from .completion import complete
from .interim import Interim
from .lengths import InconsistentLength, declare, indicated, spoil
from .versions import Version

__all__ = ["Sending", "explained", "take"]


class AlreadyComplete(BadRequest):
    """ "If the upload is already complete, the server MUST NOT modify the upload resource and MUST reject the
    request." """

    code = "already_complete"
    default = "This upload is complete: nothing can be appended any more."


@dataclass(frozen=True)
class Sending:
    """A request that brings bytes: `complete` says that they are the last ones, `expected` what digest they have."""

    mount: Mount
    request: UploadRequest
    version: Version
    interim: Interim
    complete: bool
    expected: Expected | None
    creating: bool = False

    @property
    def coming(self) -> int | None:
        """Bytes, None where nobody knows."""
        return self.request.upload_body.length


def take(sending: Sending, partial: Partial, at: int) -> Response:
    """Append the body at `at`, and complete the upload if the request does. Raises an UploadError."""
    mount, version = sending.mount, sending.version
    raise_refusal(partial.record)
    if partial.record.state == "complete":
        return _again(sending, partial, at)
    if at != partial.offset:
        # "If the Upload-Offset request header field value does not match the current offset, the server MUST reject the
        # request with a 409 (Conflict) status code." Who has sent it takes the one who writes now for dead: the offset
        # that is told must hold ("the offset sent by the server MUST be accepted in a subsequent request").
        offset = mount.resumable().status(partial)
        if at != offset:
            raise OffsetMismatch(offset, at)
    size = indicated(sending.request, at, partial.record.size, complete=sending.complete)
    if size is not None:
        declare(mount, sending.request, partial, size)
    elif sending.coming is not None:
        check_declared_size(at + sending.coming, mount.settings.max_size)
    with sending.interim.follow(partial, at):
        offset = _write(sending, partial, at)
    # A body that broke off has raised: "the upload resource MUST NOT be considered complete then."
    if sending.complete or (partial.record.words.get("by_length") and offset == partial.record.size):
        return complete(mount, sending.request, version, partial)
    # "Servers are RECOMMENDED to use the 201 (Created) status code"; an append is acknowledged "by sending a 2xx
    # (Successful) response with the Upload-Complete header field set to false."
    response = Response(status=201 if sending.creating else version.appended, content_type=None)
    response.headers["Upload-Offset"] = str(offset)
    name, value = version.telling(complete=False)
    response.headers[name] = value
    return response


def _again(sending: Sending, partial: Partial, at: int) -> Response:
    """Whoever completed it, and asks for the answer that was lost, gets it; nobody changes it."""
    if sending.creating and sending.complete:  # a repeat with the same Idempotency-Key
        indicated(sending.request, 0, partial.record.size, complete=True)
    elif at != partial.offset:
        raise OffsetMismatch(partial.offset, at)
    elif sending.coming or sending.request.upload_body.read() or not sending.complete:
        raise AlreadyComplete
    return complete(sending.mount, sending.request, sending.version, partial)


def _write(sending: Sending, partial: Partial, at: int) -> int:
    request = sending.request
    try:
        return sending.mount.resumable().write(request, partial, at, request.upload_body, sending.expected)
    except TooLarge as error:
        # Counted, not declared: "It is not sufficient to rely on the Content-Length header field for enforcement".
        told = error if partial.record.size is None else InconsistentLength("More came than this upload has bytes.")
        if sending.version.spoils and sending.expected is None:
            # "If the length is known, the server MUST prevent the offset from exceeding the upload length by rejecting
            # the request once the offset exceeds the length, marking the upload resource invalid and rejecting any
            # further interaction with it." As for max-size: "The server might also deactivate the upload resource".
            spoil(partial, told)
        raise told from error
    except DigestMismatch as error:
        # "If the digests don't match the server SHOULD consider the transfer failed, not append the content to the
        # upload resource, and signal the failure to the client." 460 is a status of tus.
        error.status = 400
        raise


@contextmanager
def explained(version: Version, partial: Partial, location: str | None = None) -> Iterator[None]:
    """Let each refusal say where the upload stands, if it can be gone on with.

    "The response MUST include the correct offset in the Upload-Offset header field", says 409; -01 to -05 ask for it in
    every answer, and -05 to -08 for "Upload-Complete header field with a false value".
    """
    try:
        yield
    except UploadError as error:
        with suppress(AjaxUploadError):  # it is gone, or the store is: nothing can be said of it
            _explain(error, version, partial, location)
        raise


def _explain(error: UploadError, version: Version, partial: Partial, location: str | None) -> None:
    name, value = version.telling(complete=False)
    if isinstance(error, OffsetMismatch):
        error.headers["Upload-Offset"] = str(error.expected)
    with storing():
        if name in error.headers or partial.reload().state != "open":
            return
        error.headers[name] = value
        if location is not None:
            error.headers["Location"] = location
        if not isinstance(error, Fenced):  # whoever writes now knows
            offset = partial.sync()
            error.headers["Upload-Offset"] = str(offset)
            if isinstance(error, OffsetMismatch):
                error.expected = offset
