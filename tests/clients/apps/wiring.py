"""What every door to the widgets' pages has: the endpoints' configuration, the pages, and what a full disk is.

What lives here: one configuration, read from AJAXUPLOAD_CLIENTS_ROOT (below which it stores), AJAXUPLOAD_CLIENTS_BUILT
(the bundles) and AJAXUPLOAD_CLIENTS_DISK. What must not: a web framework, or any widget's options.

Each test uploads to addresses with a word of its own in them, `/in/<case>`, so that tests share a server and not a
folder.
"""

from __future__ import annotations

import mimetypes
import os
import resource
from pathlib import Path
from typing import Any

from ajaxupload.upload import Upload

HERE = Path(__file__).resolve().parents[1]
ROOT = Path(os.environ["AJAXUPLOAD_CLIENTS_ROOT"])
BUILT = Path(os.environ["AJAXUPLOAD_CLIENTS_BUILT"])
#: Bytes. A file that grows beyond them is to the program what a full disk is.
DISK = int(os.environ["AJAXUPLOAD_CLIENTS_DISK"])
PLACES = {"/npm/": HERE / "node_modules", "/pages/": HERE / "pages", "/built/": BUILT}
SECRET = "made up for these tests"

resource.setrlimit(resource.RLIMIT_FSIZE, (DISK, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def nobody(request: Any, action: str, upload: Upload | None) -> bool:
    """An `authorize` that refuses all."""
    return False


def stores() -> dict[str, dict[str, Any]]:
    """The backend of all endpoints."""
    return {"default": {"class": "local", "upload_dir": str(ROOT / "in"), "durable": False}}


def endpoints() -> dict[str, dict[str, Any]]:
    """First word of the address -> settings: one that stores, and one for each way to be refused."""
    tables: dict[str, dict[str, Any]] = {
        "in": {"allow_delete": True, "allow_list": True, "serve": True},
        "large": {"max_size": "100 kB"},
        "type": {"allow": [".png"]},
        "authorize": {"authorize": nobody},
    }
    return {word: {"name": "{case}/{name}", **table} for word, table in tables.items()}


def config() -> dict[str, Any]:
    """The whole configuration as a dict."""
    return {
        "backends": stores(),
        "endpoints": {f"/{word}/{{case}}": table for word, table in endpoints().items()},
        "secret_key": SECRET,
    }


def page(path: str) -> tuple[bytes, str] | None:
    """A page, a script or what npm brought, and its type; None for what is not there."""
    for prefix, folder in PLACES.items():
        file = (folder / path.removeprefix(prefix)).resolve()
        if path.startswith(prefix) and file.is_relative_to(folder.resolve()) and file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return file.read_bytes(), f"{kind}; charset=utf-8"
    return None
