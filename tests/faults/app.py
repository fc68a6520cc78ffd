"""What the fault tests serve: /upload, storing below AJAXUPLOAD_WIRE_ROOT, set up by AJAXUPLOAD_OPTIONS (JSON).

What lives here: one WSGI application. What must not: faults. A server that does not say by itself where it listens is
told by AJAXUPLOAD_FAULTS_PORT to have it said here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from ajaxupload import AjaxUpload

ROOT = os.environ.get("AJAXUPLOAD_FAULTS_STORE") or os.environ["AJAXUPLOAD_WIRE_ROOT"]  # a disk of its own


def config() -> dict[str, Any]:
    """Files in media, all that is unfinished in private: where tests/wire/store.py looks for them."""
    store = {"class": "local", "media_root": f"{ROOT}/media", "upload_dir": ".", "private_dir": f"{ROOT}/private"}
    options = json.loads(os.environ.get("AJAXUPLOAD_OPTIONS", "{}"))
    endpoint = {"max_size": "12 GiB", **options}
    return {
        "backends": {"default": store},
        "endpoints": {"/upload": endpoint},
        "secret_key": "made up for these tests",
    }


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Nothing but a sign of life."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"alive"]


application = AjaxUpload(site, config())

if port := os.environ.get("AJAXUPLOAD_FAULTS_PORT"):
    print(f"Listening at: http://127.0.0.1:{port}", flush=True)
