"""What `ajaxupload serve` says while it serves: one line for each upload, on stderr.

What lives here: the logger's form and the lines. What must not: the server (serving.py).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from .. import events
from ..naming import log_name
from ..upload import Upload
from ..validators import human_size

__all__ = ["log_uploads"]

_log = logging.getLogger("ajaxupload.serve")


def log_uploads() -> None:
    """Log to stderr, where gunicorn's own lines go, in its format. A listener is a function of this module, which
    lives on: blinker keeps weak references."""
    logger = logging.getLogger("ajaxupload")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger("gunicorn.error").addFilter(_is_news)
    events.completed.connect(_completed)
    events.refused.connect(_failed)
    events.aborted.connect(_failed)


def _is_news(record: logging.LogRecord) -> bool:
    """A client that stopped reading its download is none, and deserves no traceback."""
    return record.exc_info is None or not isinstance(record.exc_info[1], TimeoutError)


def _completed(sender: str, *, upload: Upload, request: Any, **_details: Any) -> None:
    seconds = max(time.time() - upload.created, 0.001)
    size = upload.size or 0
    rate = f" in {seconds:.1f} s, {human_size(int(size / seconds))}/s" if seconds >= 1 else ""
    _log.info(
        "%s: stored %s as %s, %s%s%s",
        sender, log_name(upload.name), log_name(upload.filename), human_size(size), rate, _from(request),
    )  # fmt: skip


def _failed(sender: str, *, upload: Upload, request: Any, error: BaseException | None, **_details: Any) -> None:
    reason = ascii(str(error) or type(error).__name__)[1:-1] if error is not None else "given up"
    # A request that is refused before any file of it is known has no name to tell.
    what = f" {log_name(upload.name)} after {human_size(upload.offset)}" if upload.name else ""
    _log.info("%s: %s%s: %s%s", sender, upload.state, what, reason[:200], _from(request))


def _from(request: Any) -> str:
    address = getattr(request, "environ", {}).get("REMOTE_ADDR")
    return f" (from {address}, process {os.getpid()})" if address else ""
