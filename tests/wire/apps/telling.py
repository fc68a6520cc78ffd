"""An application that reads its request's body as uploads are read, and tells what it got and from where.

What lives here: /body, which tells; uploads at /upload are the middleware's. What must not: facts about either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from ajaxupload import AjaxUpload
from ajaxupload.body import body_of
from ajaxupload.errors import UploadError
from tests.wire.apps import wiring


def tell(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The source's class, the bytes' digest, and how they ended. ?peek=n: somebody has read n bytes before."""
    _, _, peek = environ["QUERY_STRING"].partition("peek=")
    digest = hashlib.sha256(environ["wsgi.input"].read(int(peek)) if peek else b"")
    body = body_of(environ)
    if body.length is not None:
        body.length -= int(peek or 0)
        body.complete = body.length == 0
    end = "whole"
    try:
        for block in body:
            digest.update(block)
    except UploadError as error:
        end = error.code
    told = {"source": type(body._source).__name__, "sha256": digest.hexdigest(), "end": end}
    said = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(said)))])
    return [said]


application = AjaxUpload(tell, wiring.config())
