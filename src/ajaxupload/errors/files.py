"""Faults of the file that a request brings: its size, number, type and content.

What lives here: exceptions only. What must not: faults of the request around it (requests.py).
"""

from __future__ import annotations

from .base import UploadError

__all__ = ["DigestMismatch", "TooLarge", "TooMany", "TooSmall", "Unprocessable", "UnsupportedType"]


class TooLarge(UploadError):
    """More bytes than `max_size`, declared or counted."""

    status = 413
    code = "too_large"
    default = "The file is too large."


class TooMany(TooLarge):
    """More files or fields in one form than allowed."""

    code = "too_many"
    default = "Too many files at once."


class UnsupportedType(UploadError):
    """The file's extension or type is not on the endpoint's list."""

    status = 415
    code = "unsupported_type"
    default = "Files of this type are not accepted here."


class Unprocessable(UploadError):
    """The content is not what the name or type claims."""

    status = 422
    code = "unprocessable"
    default = "The file's content does not fit its name."


class TooSmall(Unprocessable):
    """Fewer bytes than `min_size`."""

    code = "too_small"
    default = "The file is too small."


class DigestMismatch(UploadError):
    """The bytes are not those that the client meant to send (tus 1.0.0, Checksum: "460 Checksum Mismatch")."""

    status = 460
    code = "digest_mismatch"
    permanent = False
    default = "The data was damaged on its way. Please try again."
