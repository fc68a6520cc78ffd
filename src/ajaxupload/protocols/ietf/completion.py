"""The end of an upload, and the answer that its target gives.

What lives here: what is checked between the last byte and the file, and the answer to the request that completes it.
What must not: publishing (engine/finish.py).

"An upload is marked as completed if a request for creating the upload resource or appending to it included the
Upload-Complete header field with a true value and the request content was fully processed": not by its offset.
"""

from __future__ import annotations

from webob import Response

from ...engine.hooks import storing
from ...errors import DigestMismatch, UploadError
from ...partials import Partial, Record
from ...request import UploadRequest
from .. import replies
from ..base import Mount
from . import digests
from .lengths import InconsistentLength, declare, spoil
from .versions import Version

__all__ = ["complete", "was_ended"]

#: Seconds to wait for another request that finishes the upload.
_PATIENCE = 10.0


def complete(mount: Mount, request: UploadRequest, version: Version, partial: Partial) -> Response:
    """Publish it. "the server SHOULD generate the response that matches what the resource, that was targeted by the
    initial upload creation, would have generated if it had processed the entire representation in the initial request.
    However, the response MUST include the Upload-Complete header field with a true value".

    A refusal that is final is such a response too. One that is not leaves the upload as it is, and may be gone on with.
    """
    name, value = version.telling(complete=True)
    try:
        _settle(mount, request, partial)
        _end(partial)
        # "the server SHOULD validate that the user is still allowed to perform the requested action before finalizing
        # the upload": the guard is asked.
        upload = mount.finish(request, partial)
    except UploadError as error:
        if partial.record.state == "refused":
            error.headers[name] = value
        raise
    like_put = partial.record.words.get("method") == "PUT"
    response = replies.json_reply(mount.success(request, [upload]), version.stored or (201 if like_put else 200))
    response.headers[name] = value
    response.headers["Upload-Offset"] = str(upload.size)
    if found := partial.record.words.get("digests"):
        response.headers["Repr-Digest"] = found
    return response


def was_ended(record: Record) -> bool:
    """Has all of it come, and its end been said, and yet it is not stored? Somebody was killed, or the store down."""
    return record.state == "open" and bool(record.words.get("ended"))


def _end(partial: Partial) -> None:
    """Whoever asks next completes it then: tus-js-client asks for the offset alone, and takes it for success."""
    if "ended" not in partial.record.words:
        with storing():
            partial.amend(lambda record: record.words.update(ended=True))


def _settle(mount: Mount, request: UploadRequest, partial: Partial) -> None:
    """Its length, and its digests. Raises InconsistentLength, DigestMismatch."""
    offset = partial.offset
    if partial.record.size is None:
        declare(mount, request, partial, offset)
    elif partial.record.size != offset:
        raise InconsistentLength(f"This upload has {partial.record.size} bytes, and only {offset} of them have come.")
    if {"expected", "wanted"} & partial.record.words.keys():
        with storing(), partial.finishing(_PATIENCE):
            if partial.reload().state == "open":
                _check_digests(partial)


def _check_digests(partial: Partial) -> None:
    """Compare with those that the client gave, keep the one that it wants.

    "If the digests don't match, the server SHOULD consider the upload failed, not process the representation further,
    and signal the failure to the client."
    """
    words = partial.record.words
    expected = {name: bytes.fromhex(value) for name, value in words.get("expected", {}).items()}
    found = digests.computed(partial, {*expected, *filter(None, [words.get("wanted")])})
    if any(found[name] != value for name, value in expected.items()):
        error = DigestMismatch("The file is not the one whose digest was told: it was damaged, or has changed.")
        error.status = 400
        spoil(partial, error)
        raise error
    if "wanted" in words:
        told = digests.written({words["wanted"]: found[words["wanted"]]})
        partial.amend(lambda record: record.words.update(digests=told))
