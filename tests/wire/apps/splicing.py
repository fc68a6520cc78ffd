"""Endpoints whose bytes may go past this process's memory, and one whose may not; and how many bytes have gone so.

What lives here: the counter, told at /piped. What must not: facts about it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from ajaxupload import AjaxUpload
from ajaxupload.piped import Piped

_taken: list[int] = []
_into = Piped.into


def _counted(piped: Piped, fd: int) -> int:
    _taken.append(_into(piped, fd))
    return _taken[-1]


setattr(Piped, "into", _counted)  # noqa: B010 - an assignment, mypy forbids


def tell(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """How many bytes so far."""
    said = json.dumps(sum(_taken)).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(said)))])
    return [said]


def _config() -> dict[str, Any]:
    root = os.environ["AJAXUPLOAD_WIRE_ROOT"]
    store = {"class": "local", "media_root": f"{root}/media", "upload_dir": ".", "private_dir": f"{root}/private"}
    common = {"backend": "default", "max_size": "1 GiB"}
    return {
        "backends": {"default": store, "soft": {**store, "durable": False}},
        "endpoints": {
            "/upload": common,
            "/hashed": {**common, "digest": "sha256"},
            "/slow": {**common, "fast_input": False},
            "/soft": {**common, "backend": "soft"},
            "/idle": {**common, "idle_timeout": 1},
        },
    }


application = AjaxUpload(tell, _config())
