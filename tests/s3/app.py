"""What the tests of stores serve: one endpoint into the place that the environment names, `s3` unless it names another
backend, and a look at the process's memory.

What lives here: the application. What must not: how it is served.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from ajaxupload import AjaxUpload
from ajaxupload.backends._pool import POOL


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Which process this is, what part memory is in use, and the largest this process ever was, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        facts = dict(line.split(":", 1) for line in status)
    sizes = {name: int(facts[name].split()[0]) << 10 for name in ("VmRSS", "VmHWM")}
    said = json.dumps({"pid": os.getpid(), "pool": POOL.used, **sizes}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(said)))])
    return [said]


application = AjaxUpload(
    site,
    {
        "backends": {"default": {"class": "s3", **json.loads(os.environ["AJAXUPLOAD_S3"])}},
        "endpoints": {"/upload": {"backend": "default", "max_size": "2 GiB"}},
    },
)
