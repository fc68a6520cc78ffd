"""How long an upload is: the client's indicators, which must all say the same.

What lives here: reading and comparing them, and what becomes of an upload that got too much. What must not: the limits
of the endpoint, which the engine applies.
"""

from __future__ import annotations

from ...engine.finish import refuse
from ...engine.hooks import storing
from ...errors import BadRequest, Conflict, UploadError
from ...partials import Partial
from ...request import UploadRequest
from ..base import Mount
from . import fields

__all__ = ["InconsistentLength", "declare", "indicated", "spoil"]


class InconsistentLength(BadRequest):
    """ "indicate inconsistent length values", with 400."""

    code = "inconsistent_length"
    default = "The lengths that were told for this upload contradict each other."


def indicated(request: UploadRequest, at: int, known: int | None, *, complete: bool) -> int | None:
    """The upload's length by the two indicators of this request and what earlier ones said; None if none did.

    "1. If the request includes the Upload-Complete field value set to true and a valid Content-Length header field,
    ... the length is then the sum of the current offset and the Content-Length header field value. 2. The request can
    include the Upload-Length header field". Raises InconsistentLength.
    """
    coming = request.upload_body.length
    summed = at + coming if complete and coming is not None else None
    # "If indicators (1) and (2) are both present in the same request, their indicated lengths MUST match. If multiple
    # requests include indicators, their indicated values MUST match."
    found = {each for each in (fields.integer(request.headers, "Upload-Length"), summed, known) if each is not None}
    if len(found) > 1:
        raise InconsistentLength
    size = next(iter(found), None)
    if size is not None and at + (coming or 0) > size:
        raise InconsistentLength(f"The request brings more than the {size} bytes that this upload has.")
    return size


def declare(mount: Mount, request: UploadRequest, partial: Partial, size: int) -> None:
    """ "The server MUST record the length". Raises InconsistentLength, TooLarge."""
    try:
        mount.resumable().declare(request, partial, size)
    except Conflict as error:
        raise InconsistentLength from error


def spoil(partial: Partial, error: UploadError) -> None:
    """End it for good: "marking the upload resource invalid and rejecting any further interaction with it". Its record
    keeps the reason, its bytes go. Raises an UploadError of the store."""
    with storing():
        refuse(partial, error)
