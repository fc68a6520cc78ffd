"""tus extension Checksum Trailer: a checksum that follows the data it is of.

What lives here: where a server keeps the fields after a chunked body. What must not: what is done with a checksum.

PEP 3333 has no trailers. gunicorn keeps them at its parser's request, where we find them once the body is read; no
other server that we know does, and it is known by the socket that it lends.
"""

from __future__ import annotations

from typing import Any

from ...engine import Expected, ExpectedLater
from ...errors import BadRequest
from ...request import UploadRequest
from .headers import checksum

__all__ = ["announces_checksum", "reads_trailers", "trailing"]


def reads_trailers(request: UploadRequest) -> bool:
    """Does this server keep trailers? To be known before there is a body, for OPTIONS says so."""
    return "gunicorn.socket" in request.environ


def announces_checksum(request: UploadRequest) -> bool:
    """ "Trailers ... MUST be announced using the Trailer header and are only allowed in chunked transfers." """
    names = request.headers.get("Trailer", "").lower().split(",")
    return "upload-checksum" in {name.strip() for name in names}


def trailing(request: UploadRequest) -> Expected:
    """The checksum that will have followed the body by the time that it is asked for."""
    return ExpectedLater(lambda: _from_trailer(request.environ["wsgi.input"]))


def _from_trailer(source: Any) -> Expected:
    parser = getattr(getattr(source, "reader", None), "req", None)
    trailers: list[tuple[str, str]] = getattr(parser, "trailers", None) or []
    found = next((value for name, value in trailers if name.upper() == "UPLOAD-CHECKSUM"), None)
    if found is None:
        raise BadRequest("The Upload-Checksum that was to follow the data did not.", code="bad_checksum")
    return checksum(found)
