"""The site that the clients upload to: one endpoint, the pages' files, and the bytes that a page uploads.

What lives here: one WSGI application, configured by AJAXUPLOAD_WIRE_ROOT (below which it stores). What must not: any
client's options.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ajaxupload import AjaxUpload
from tests.tus.content import content

HERE = Path(__file__).resolve().parent
ROOT = Path(os.environ["AJAXUPLOAD_WIRE_ROOT"])
PLACES = {"/npm/": HERE / "node_modules", "/built/": ROOT / "built", "/": HERE}


def config() -> dict[str, Any]:
    """As for the wire tests' own applications."""
    store = {"class": "local", "media_root": f"{ROOT}/media", "upload_dir": ".", "private_dir": f"{ROOT}/private"}
    return {"backends": {"default": store}, "endpoints": {"/upload": {"max_size": "6 GiB"}}}


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/data/SIZE` and the files of the pages."""
    path = environ["PATH_INFO"]
    if path.startswith("/data/"):
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [content(int(path[6:]))]
    for prefix, folder in PLACES.items():
        file = (folder / path.removeprefix(prefix)).resolve()
        if path.startswith(prefix) and file.is_relative_to(folder.resolve()) and file.is_file():
            kind = "text/javascript" if file.suffix == ".mjs" else mimetypes.guess_type(file.name)[0]
            start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8")])
            return [file.read_bytes()]
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing here"]


application = AjaxUpload(site, config())

if port := os.environ.get("AJAXUPLOAD_TUS_PORT"):  # a server that does not say by itself where it listens
    print(f"Listening at: http://127.0.0.1:{port}", flush=True)
