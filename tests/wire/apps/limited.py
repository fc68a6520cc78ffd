"""/upload, storing below AJAXUPLOAD_WIRE_ROOT, with a quota of 3 MiB: what the tests of quotas have servers serve.

What lives here: one WSGI application. What must not: what is asked of it.
"""

from __future__ import annotations

import os
from typing import Any

from ajaxupload import AjaxUpload


def nothing(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """What is wrapped."""
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


application = AjaxUpload(
    nothing,
    path="/upload",
    backend="local",
    upload_dir=os.path.join(os.environ["AJAXUPLOAD_WIRE_ROOT"], "media"),
    quota="3 MiB",
)
