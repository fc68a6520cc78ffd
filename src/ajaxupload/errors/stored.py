"""Faults between an upload and what is stored: contradictions, limits of the place, failures of the store.

What lives here: exceptions only. What must not: faults that are the client's alone.
"""

from __future__ import annotations

from .base import UploadError

__all__ = [
    "BadGateway",
    "Busy",
    "Conflict",
    "Fenced",
    "InternalError",
    "NameTaken",
    "NotInspected",
    "OffsetMismatch",
    "PieceDiffers",
    "QuotaExceeded",
    "StorageFull",
    "StorageUnavailable",
    "TooManyRequests",
]


class Conflict(UploadError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"
    default = "This contradicts what is already stored."


class NameTaken(Conflict):
    """Collision policy "error" and the name is in use."""

    code = "name_taken"
    default = "A file of that name exists already. Rename yours and try again."


class OffsetMismatch(Conflict):
    """Bytes for another place than `expected`, where the upload stands."""

    code = "offset_mismatch"
    permanent = False

    def __init__(self, expected: int, provided: int) -> None:
        self.expected, self.provided = expected, provided
        super().__init__(f"The upload stands at byte {expected}, not {provided}.")


class PieceDiffers(Conflict):
    """A piece that is stored was sent again, with other content."""

    code = "piece_differs"
    default = "This piece of the file is stored already, with other content. Has the file changed meanwhile?"


class Fenced(Conflict):
    """Another request has taken this upload over; this one must not write any more."""

    code = "fenced"
    permanent = False
    default = "Another request has taken this upload over."


class Busy(UploadError):
    """Another request is finishing the upload, and takes its time (RFC 4918 section 11.3)."""

    status = 423
    code = "busy"
    permanent = False
    default = "This upload is just being finished. Please try again in a moment."

    def __init__(self, message: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(message)
        self.headers["Retry-After"] = str(retry_after)


class TooManyRequests(UploadError):
    """A cap on open uploads or on unfinished bytes."""

    status = 429
    code = "too_many_requests"
    permanent = False
    default = "Too many uploads at once. Please wait and try again."


class QuotaExceeded(UploadError):
    """The principal's quota has no room for the file. 413 and not 507: what is asked again by itself has no more room,
    and several clients repeat whatever fails with 5xx."""

    status = 413
    code = "quota_exceeded"
    default = "There is no room left for this file (quota)."


class InternalError(UploadError):
    """A hook or a backend failed in a way that nobody planned; the log has the traceback, the answer has not."""

    status = 500
    code = "internal"
    permanent = False
    default = "The server could not store the file. Nothing was kept; please try again later."


class BadGateway(UploadError):
    """The remote store answered something unusable."""

    status = 502
    code = "bad_gateway"
    permanent = False
    default = "The storage service did not accept the file. Nothing was kept; please try again later."


class StorageUnavailable(UploadError):
    """The store cannot be reached or written now."""

    status = 503
    code = "storage_unavailable"
    permanent = False
    default = "The storage is not available at the moment. Nothing was kept; please try again later."

    def __init__(self, message: str | None = None, *, retry_after: int = 30) -> None:
        super().__init__(message)
        self.headers["Retry-After"] = str(retry_after)


class NotInspected(UploadError):
    """An inspector could not look at the file: its scanner cannot be reached, or it failed. What it would have found,
    nobody knows."""

    status = 503
    code = "not_inspected"
    permanent = False
    default = "The file could not be checked just now. Please try again later."

    def __init__(self, message: str | None = None, *, retry_after: int = 30) -> None:
        super().__init__(message)
        self.headers["Retry-After"] = str(retry_after)


class StorageFull(UploadError):
    """No space left on the disk, or for unfinished uploads."""

    status = 507
    code = "storage_full"
    permanent = False
    default = "There is no space left to store the file. Nothing was kept."
