"""One endpoint into ./in with the options of AJAXUPLOAD_OPTIONS (JSON). A worker dies at AJAXUPLOAD_DIE_AT, once.

"published" is when the files are visible and nobody has been told; "created" when the first byte is about to be kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ajaxupload import events, upload_endpoint

ROOT = Path(os.environ["AJAXUPLOAD_WIRE_ROOT"])
DIED = ROOT / "died"


def die(sender: str, **details: Any) -> None:
    """As the kernel ends a process: no `finally` runs."""
    if not DIED.exists():
        DIED.touch()
        os._exit(9)


MOMENTS = {"published": events.completed, "created": events.created}
if moment := os.environ.get("AJAXUPLOAD_DIE_AT"):
    MOMENTS[moment].connect(die)

application = upload_endpoint(
    "local", upload_dir=str(ROOT / "in"), **json.loads(os.environ.get("AJAXUPLOAD_OPTIONS", "{}"))
)
