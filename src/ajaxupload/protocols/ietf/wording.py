"""How clients are told what went wrong: problem details (RFC 9457).

What lives here: the JSON, and the statuses of what may be gone on with. What must not: what went wrong (errors).
"""

from __future__ import annotations

from typing import Any

from webob import Response

from ...errors import OffsetMismatch, UploadError
from .. import replies
from .versions import Version

__all__ = ["refusal"]

#: What broke off on the way. Of 4xx the drafts say "the client SHOULD NOT attempt to retry or resume the upload", of
#: 5xx that it may.
_BROKE_OFF = {
    "client_gone": "The connection was lost; what came is kept, and the upload can go on from there.",
    "incomplete": "The request broke off; what came is kept, and the upload can go on from there.",
    "timeout": "Nothing came any more; what came is kept, and the upload can go on from there.",
}


def refusal(error: UploadError, version: Version) -> Response:
    """Problem details with our usual fields as members; "about:blank" is the type where the version has none."""
    message = _BROKE_OFF.get(error.code, error.message)
    status = 500 if error.code in _BROKE_OFF else error.status
    response = replies.failure(error, status=status)
    facts: dict[str, Any] = {"status": status, "title": response.status[4:], "detail": message}
    if kind := version.problem(error.code):
        facts["type"] = kind
    if isinstance(error, OffsetMismatch):
        # "A response using this problem type SHOULD populate both members".
        facts |= {"expected-offset": error.expected, "provided-offset": error.provided}
    told = replies.json_reply({**facts, **response.json, "error": message, "message": message}, status)
    told.headers.update(error.headers.items())
    told.content_type = "application/problem+json"
    return told
