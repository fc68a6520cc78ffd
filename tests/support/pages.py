"""The demo page, made for a test: its configuration, files in its folder, the names that it lists.

What lives here: what more than one file of tests about the page needs. What must not: assertions.
"""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path

__all__ = ["config", "names_on", "store"]


def config(folder: Path, **endpoint: object) -> dict[str, object]:
    """One local endpoint at /upload that stores into `folder`, as `ajaxupload serve` makes it."""
    return {
        "backends": {"default": {"class": "local", "upload_dir": str(folder), "media_url": "/files/"}},
        "endpoints": {"/upload": {"redirect": "/", **endpoint}},
    }


def names_on(page: str) -> list[str]:
    """The names that the page lists, in its order."""
    return [unescape(name) for name in re.findall(r"<tr><td><a [^>]*>([^<]*)</a>", page)]


def store(folder: Path, name: str, content: bytes = b"x", age: float = 0) -> Path:
    """Put a file into the folder, last changed `age` seconds ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    moment = path.stat().st_mtime - age
    os.utime(path, (moment, moment))
    return path
