"""Faults of a request: who asks, how, and what became of its body.

What lives here: exceptions only. What must not: faults of the file in it (files.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from .base import UploadError

__all__ = [
    "BadRequest",
    "BodyIncomplete",
    "BodyTimeout",
    "ClientGone",
    "CrossOrigin",
    "Forbidden",
    "LengthRequired",
    "MalformedForm",
    "MethodNotAllowed",
    "NoFile",
    "NotAuthenticated",
    "NotFound",
    "NotImplementedHere",
]


class BadRequest(UploadError):
    """The request makes no sense."""


class MalformedForm(BadRequest):
    """The multipart body breaks the grammar (RFC 7578, RFC 2046) or a limit of the parser."""

    code = "malformed_form"
    default = "The form could not be read: its multipart body is malformed."


class BodyIncomplete(BadRequest):
    """Fewer bytes came than were declared: RFC 9112 section 6.3, "the recipient MUST consider the message to be
    incomplete"."""

    code = "incomplete"
    permanent = False
    default = "The upload broke off before it was complete. Nothing was stored; please try again."


class ClientGone(BodyIncomplete):
    """The connection was reset while the body was being read."""

    code = "client_gone"
    default = "The connection was lost before the upload was complete. Nothing was stored; please try again."


class NoFile(BadRequest):
    """A form arrived without any file in it."""

    code = "no_file"
    default = "No file was sent. Choose a file and try again."


class NotAuthenticated(UploadError):
    """`authorize` wants to know who is asking."""

    status = 401
    code = "not_authenticated"
    default = "Please log in before uploading."


class Forbidden(UploadError):
    """`authorize` said no."""

    status = 403
    code = "forbidden"
    default = "You are not allowed to upload here."


class CrossOrigin(Forbidden):
    """A state-changing request from another site that is not in `allowed_origins`."""

    code = "cross_origin"
    default = "Uploads from another site are refused. (The site's owner can list it in allowed_origins.)"


class NotFound(UploadError):
    """No such upload, or it is somebody else's: the answer is the same."""

    status = 404
    code = "not_found"
    default = "There is no such upload."


class MethodNotAllowed(UploadError):
    """The endpoint does not take this method; `allowed` goes into the Allow header (RFC 9110 section 15.5.6)."""

    status = 405
    code = "method_not_allowed"
    default = "This method is not allowed here."

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__()
        self.headers["Allow"] = ", ".join(allowed)


class BodyTimeout(UploadError):
    """The client stopped sending and the server's patience ended."""

    status = 408
    code = "timeout"
    permanent = False
    default = "The upload stalled for too long and was given up. Nothing was stored; please try again."


class LengthRequired(UploadError):
    """A chunked body on a server that does not say where it ends (RFC 9110 section 15.5.12)."""

    status = 411
    code = "length_required"
    default = "This server needs to know the size of the file beforehand (a Content-Length header)."


class NotImplementedHere(UploadError):
    """A transfer coding that is not `chunked` (RFC 9112 section 6.1: "SHOULD respond with 501")."""

    status = 501
    code = "not_implemented"
    default = "This transfer coding is not supported."
