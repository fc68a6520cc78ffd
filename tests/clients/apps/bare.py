"""The widgets' pages and the endpoints by the middleware, around an application without a framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ajaxupload import AjaxUpload
from tests.clients.apps import wiring
from tests.clients.apps.orders import Ordered


def pages(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What is not an endpoint."""
    found = wiring.page(environ["PATH_INFO"])
    if found is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such file"]
    start_response("200 OK", [("Content-Type", found[1])])
    return [found[0]]


application = Ordered(AjaxUpload(pages, wiring.config()))
