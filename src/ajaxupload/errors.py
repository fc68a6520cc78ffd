"""Everything that can be wrong, in one tree, each with the HTTP status it deserves.

What lives here: the exceptions and nothing else. Protocols decide how a client is told (some
widgets show a reason only with status 200); this file decides what happened and how bad it is.

    AjaxUploadError
    ├── ConfigError                 the application's settings are wrong: raised at start, lists every fault
    │   └── MissingExtra            a backend needs a package: says which extra to install
    └── UploadError                 one request cannot be served (status, code, message, permanent)
        ├── BadRequest          400 the request makes no sense
        │   ├── MalformedForm   400 the multipart body breaks the grammar or a limit of the parser
        │   ├── BodyIncomplete  400 fewer bytes came than were declared (FIN)
        │   │   └── ClientGone  400 the connection was reset while the body was being read
        │   └── NoFile          400 a form without a file
        ├── NotAuthenticated    401 who are you?
        ├── Forbidden           403 you may not
        │   └── CrossOrigin     403 the request came from another site
        ├── NotFound            404 no such upload
        ├── MethodNotAllowed    405 carries the methods that are
        ├── BodyTimeout         408 the client stopped sending
        ├── Conflict            409 it contradicts what is stored
        │   └── NameTaken       409 collision policy "error"
        ├── LengthRequired      411 this server cannot tell where a chunked body ends
        ├── TooLarge            413 the file is over max_size
        │   └── TooMany         413 more files (or fields) than allowed
        ├── UnsupportedType     415 extension or type not on the list
        ├── Unprocessable       422 the content is not what it claims to be
        │   └── TooSmall        422 the file is under min_size
        ├── TooManyRequests     429 caps and quotas
        ├── InternalError       500 a hook or backend failed in a way that nobody planned
        ├── NotImplementedHere  501 a transfer coding that no part of this package decodes
        ├── BadGateway          502 the remote store answered nonsense
        ├── StorageUnavailable  503 the store cannot be reached or written now; carries retry_after
        └── StorageFull         507 no space, no quota
"""

from __future__ import annotations

from collections.abc import Iterable


class AjaxUploadError(Exception):
    """Root of the tree: `except AjaxUploadError` catches all that this package raises on purpose."""


class ConfigError(AjaxUploadError):
    """The settings are wrong. `problems` lists every fault found, so that one start shows them all."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        if len(self.problems) == 1:
            text = self.problems[0]
        else:
            text = f"{len(self.problems)} problems in the configuration:\n  - " + "\n  - ".join(self.problems)
        super().__init__(text)


class MissingExtra(ConfigError):
    """A configured part needs a package that is not installed; the text is the command that mends it."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs {package}: pip install 'ajaxupload[{extra}]'")


class UploadError(AjaxUploadError):
    """One request cannot be served.

    `message` is shown to the person who uploads: it says what to do and never where we live (no paths, no
    traceback). `code` is for programs and stays the same over releases. `permanent` tells clients that the same
    request will fail again, so that they do not retry by themselves. `file` is what the client called the file that
    was refused, None where it was the request as a whole.
    """

    status = 400
    code = "bad_request"
    permanent = True
    default = "The request could not be understood."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        self.message = message or self.default
        self.code = code or type(self).code
        self.headers: dict[str, str] = {}
        self.file: str | None = None
        super().__init__(self.message)


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


class Conflict(UploadError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"
    default = "This contradicts what is already stored."


class NameTaken(Conflict):
    """Collision policy "error" and the name is in use."""

    code = "name_taken"
    default = "A file of that name exists already. Rename yours and try again."


class LengthRequired(UploadError):
    """A chunked body on a server that does not say where it ends (RFC 9110 section 15.5.12)."""

    status = 411
    code = "length_required"
    default = "This server needs to know the size of the file beforehand (a Content-Length header)."


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


class TooManyRequests(UploadError):
    """A cap on open uploads or on unfinished bytes."""

    status = 429
    code = "too_many_requests"
    permanent = False
    default = "Too many uploads at once. Please wait and try again."


class InternalError(UploadError):
    """A hook or a backend failed in a way that nobody planned; the log has the traceback, the answer has not."""

    status = 500
    code = "internal"
    permanent = False
    default = "The server could not store the file. Nothing was kept; please try again later."


class NotImplementedHere(UploadError):
    """A transfer coding that is not `chunked` (RFC 9112 section 6.1: "SHOULD respond with 501")."""

    status = 501
    code = "not_implemented"
    default = "This transfer coding is not supported."


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


class StorageFull(UploadError):
    """No space left, or the quota is used up."""

    status = 507
    code = "storage_full"
    permanent = False
    default = "There is no space left to store the file. Nothing was kept."
