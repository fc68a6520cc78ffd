"""tus extensions Checksum and Checksum Trailer: what a body is to be verified with.

What lives here: which checksum a request has, and where a server keeps the fields after a chunked body. What must not:
what is done with a checksum.

PEP 3333 has no trailers. gunicorn keeps them at its parser's request, where we find them once the body is read; no
other server that we know does, and it is known by the socket that it lends.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ...engine import Expected, ExpectedLater
from ...errors import BadRequest
from ...request import UploadRequest
from .headers import checksum

__all__ = ["expected", "reads_trailers"]


def reads_trailers(request: UploadRequest) -> bool:
    """Does this server keep trailers? To be known before there is a body, for OPTIONS says so."""
    return "gunicorn.socket" in request.environ


def expected(request: UploadRequest, offered: Container[str]) -> Expected | None:
    """The request's checksum, None if it has none. Raises BadRequest, also where it needs what is not offered."""
    if "Upload-Checksum" in request.headers:
        if "checksum" not in offered:
            raise BadRequest("The extension checksum is switched off here.", code="extension_disabled")
        return checksum(request.headers["Upload-Checksum"])
    # "Trailers ... MUST be announced using the Trailer header and are only allowed in chunked transfers."
    names = {name.strip() for name in request.headers.get("Trailer", "").lower().split(",")}
    if "upload-checksum" not in names:
        return None
    if "checksum-trailer" not in offered:
        raise BadRequest("This server cannot read an Upload-Checksum that follows the data.", code="bad_checksum")
    return ExpectedLater(lambda: _from_trailer(request.environ["wsgi.input"]))


def _from_trailer(source: Any) -> Expected:
    parser = getattr(getattr(source, "reader", None), "req", None)
    trailers: list[tuple[str, str]] = getattr(parser, "trailers", None) or []
    found = next((value for name, value in trailers if name.upper() == "UPLOAD-CHECKSUM"), None)
    if found is None:
        raise BadRequest("The Upload-Checksum that was to follow the data did not.", code="bad_checksum")
    return checksum(found)
