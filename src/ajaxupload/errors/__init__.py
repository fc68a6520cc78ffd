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
        │   ├── NameTaken       409 collision policy "error"
        │   ├── OffsetMismatch  409 bytes for another place than where the upload stands; carries the right one
        │   ├── PieceDiffers    409 a piece was sent again, with other content
        │   └── Fenced          409 another request has taken this upload over
        ├── LengthRequired      411 this server cannot tell where a chunked body ends
        ├── TooLarge            413 the file is over max_size
        │   └── TooMany         413 more files (or fields) than allowed
        ├── QuotaExceeded       413 more than the principal may store here
        ├── UnsupportedType     415 extension or type not on the list
        ├── Unprocessable       422 the content is not what it claims to be
        │   └── TooSmall        422 the file is under min_size
        ├── Busy                423 another request is finishing this upload just now
        ├── TooManyRequests     429 caps
        ├── DigestMismatch      460 the bytes are not those that the client meant to send
        ├── InternalError       500 a hook or backend failed in a way that nobody planned
        ├── NotImplementedHere  501 a transfer coding that no part of this package decodes
        ├── BadGateway          502 the remote store answered nonsense
        ├── NotInspected        503 an inspector could not look at the file
        ├── StorageUnavailable  503 the store cannot be reached or written now; carries retry_after
        └── StorageFull         507 no space
"""

from __future__ import annotations

from .base import AjaxUploadError, ConfigError, MissingExtra, UploadError
from .files import DigestMismatch, TooLarge, TooMany, TooSmall, Unprocessable, UnsupportedType
from .requests import (
    BadRequest,
    BodyIncomplete,
    BodyTimeout,
    ClientGone,
    CrossOrigin,
    Forbidden,
    LengthRequired,
    MalformedForm,
    MethodNotAllowed,
    NoFile,
    NotAuthenticated,
    NotFound,
    NotImplementedHere,
)
from .stored import (
    BadGateway,
    Busy,
    Conflict,
    Fenced,
    InternalError,
    NameTaken,
    NotInspected,
    OffsetMismatch,
    PieceDiffers,
    QuotaExceeded,
    StorageFull,
    StorageUnavailable,
    TooManyRequests,
)

__all__ = [
    "AjaxUploadError",
    "BadGateway",
    "BadRequest",
    "BodyIncomplete",
    "BodyTimeout",
    "Busy",
    "ClientGone",
    "ConfigError",
    "Conflict",
    "CrossOrigin",
    "DigestMismatch",
    "Fenced",
    "Forbidden",
    "InternalError",
    "LengthRequired",
    "MalformedForm",
    "MethodNotAllowed",
    "MissingExtra",
    "NameTaken",
    "NoFile",
    "NotAuthenticated",
    "NotFound",
    "NotImplementedHere",
    "NotInspected",
    "OffsetMismatch",
    "PieceDiffers",
    "QuotaExceeded",
    "StorageFull",
    "StorageUnavailable",
    "TooLarge",
    "TooMany",
    "TooManyRequests",
    "TooSmall",
    "Unprocessable",
    "UnsupportedType",
    "UploadError",
]
