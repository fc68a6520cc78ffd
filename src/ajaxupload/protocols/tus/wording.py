"""How tus clients are told what went wrong.

What lives here: tusd's error codes, which its users' tools look for, and the statuses that tus-js-client retries. What
must not: what went wrong (errors.py).

tus-js-client gives up at any 4xx but 409 and 423, and tries again at 5xx: what may pass must not look final.
"""

from __future__ import annotations

from webob import Response

from ...errors import OffsetMismatch, UploadError
from ...request import UploadRequest
from .. import replies

__all__ = ["refusal"]

#: Our code -> tusd's. What tusd has no word for is what it calls a refusal by the application.
_CODES = {
    "unsupported_version": "ERR_UNSUPPORTED_VERSION",
    "too_large": "ERR_MAX_SIZE_EXCEEDED",
    "size_exceeded": "ERR_UPLOAD_SIZE_EXCEEDED",
    "bad_content_type": "ERR_INVALID_CONTENT_TYPE",
    "bad_length": "ERR_INVALID_UPLOAD_LENGTH",
    "bad_defer_length": "ERR_INVALID_UPLOAD_DEFER_LENGTH",
    "bad_offset": "ERR_INVALID_OFFSET",
    "offset_mismatch": "ERR_MISMATCHED_OFFSET",
    "not_found": "ERR_UPLOAD_NOT_FOUND",
    "busy": "ERR_UPLOAD_LOCKED",
    "fenced": "ERR_UPLOAD_INTERRUPTED",
    "not_finished": "ERR_UPLOAD_NOT_FINISHED",
    "bad_concat": "ERR_INVALID_CONCAT",
    "bad_checksum": "ERR_INVALID_CHECKSUM",
    "digest_mismatch": "ERR_CHECKSUM_MISMATCH",
    "bad_metadata": "ERR_INVALID_METADATA",
    "modify_final": "ERR_MODIFY_FINAL",
    "cross_origin": "ERR_ORIGIN_NOT_ALLOWED",
    "client_gone": "ERR_CONNECTION_RESET",
    "incomplete": "ERR_UNEXPECTED_EOF",
    "timeout": "ERR_READ_TIMEOUT",
    "internal": "ERR_INTERNAL_SERVER_ERROR",
}
_OTHER = "ERR_UPLOAD_REJECTED"
#: What broke off on the way: kept as far as it came, to be gone on with.
_BROKE_OFF = {
    "client_gone": "The connection was lost; what came is kept, and the upload can go on from there.",
    "incomplete": "The request broke off; what came is kept, and the upload can go on from there.",
    "timeout": "Nothing came any more; what came is kept, and the upload can go on from there.",
}


def refusal(request: UploadRequest, error: UploadError) -> Response:
    """As text, "ERR_CODE: message", as tusd writes it; as JSON for who asks for that."""
    code = _CODES.get(error.code, _OTHER)
    message = _BROKE_OFF.get(error.code, error.message)
    status = 500 if error.code in _BROKE_OFF else error.status
    if replies.wants_json(request):
        response = replies.failure(error, status=status)
        response.json = {**response.json, "error": message, "message": message, "tus": code}
    else:
        response = Response(text=f"{code}: {message}\n", content_type="text/plain", charset="utf-8", status=status)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        response.headers.update(error.headers.items())
    if status == 460:
        response.status = "460 Checksum Mismatch"
    if isinstance(error, OffsetMismatch):
        response.headers["Upload-Offset"] = str(error.expected)  # saves the client the HEAD
    return response
