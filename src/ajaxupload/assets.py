"""The widget's files, served by the endpoint itself: a page needs no static-file set-up to use them.

What lives here: which files there are, their versions, conditional and compressed answers. What must not: what is in
them, and pages. Only files of the package are served, found by listing them: no path of a request is ever opened.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from webob import Response

from .errors import NotFound
from .filetypes import type_of
from .request import UploadRequest

__all__ = ["PREFIX", "answer", "asset_url"]

#: Where they are below an endpoint.
PREFIX = "static/"
_FOLDER = Path(__file__).parent / "static" / "ajaxupload"
_COMPRESSIBLE = frozenset((".js", ".css", ".json", ".svg", ".ts"))
# A versioned URL changes with its content (RFC 8246); an unversioned one is asked again each time, and answered 304.
_FOREVER, _ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"


@dataclass(frozen=True)
class _Asset:
    content: bytes
    compressed: bytes | None
    version: str
    type: str


@lru_cache(maxsize=1)
def _assets() -> dict[str, _Asset]:
    found = {path.relative_to(_FOLDER).as_posix(): path for path in _FOLDER.rglob("*") if path.is_file()}
    return {name: _asset(name, path.read_bytes()) for name, path in found.items()}


def _asset(name: str, content: bytes) -> _Asset:
    extension = name[name.rfind(".") :]
    # mtime=0: the same bytes from every process, so that the ETag of one fits the content of another
    compressed = gzip.compress(content, 9, mtime=0) if extension in _COMPRESSIBLE else None
    kind = type_of(name) or "application/octet-stream"
    return _Asset(content, compressed, hashlib.sha256(content).hexdigest()[:16], kind)


def asset_url(name: str) -> str:
    """`name` as a versioned path relative to the endpoint: "static/ajax-upload.js?v=..."."""
    return f"{PREFIX}{name}?v={_assets()[name].version}"


def answer(request: UploadRequest, name: str) -> Response:
    """The file, or 304 where the client has it (RFC 9110 section 13.1.2). NotFound for anything not in the package."""
    asset = _assets().get(name)
    if asset is None:
        raise NotFound("There is no such file.")
    wanted = request.accept_encoding  # false without the header, when WebOb would say that everything is acceptable
    zipped = asset.compressed is not None and bool(wanted) and bool(wanted.acceptable_offers(["gzip"]))
    response = Response(body=asset.compressed if zipped else asset.content, content_type=asset.type)
    if asset.type.startswith("text/") or asset.type.endswith(("javascript", "json")):
        response.charset = "utf-8"
    response.headers["ETag"] = f'"{asset.version}{"-gzip" if zipped else ""}"'
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = _FOREVER if request.query.get("v") == asset.version else _ASK_AGAIN
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # pages of allowed origins load the widget, too
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    if response.headers["ETag"] in request.headers.get("If-None-Match", ""):
        response.status, response.body = 304, b""
        del response.headers["Content-Length"]
        del response.headers["Content-Type"]  # RFC 9110 section 15.4.5: no more than what a cache needs
    return response
