"""The site that the widgets' pages are on: pages, npm packages, upload endpoints, and failures that a test orders.

What lives here: one WSGI application, configured by
AJAXUPLOAD_CLIENTS_ROOT and AJAXUPLOAD_CLIENTS_DISK. What must not: any widget's options.

Each test uploads to addresses with a word of its own in them, `/in/<case>`, so that tests share a server and not a
folder. A failure is ordered by a file, `<root>/orders/<case>.json`; requests with a body are counted over all workers.
"""

from __future__ import annotations

import json
import mimetypes
import os
import resource
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ajaxupload import AjaxUpload
from ajaxupload.upload import Upload

HERE = Path(__file__).resolve().parent
ROOT = Path(os.environ["AJAXUPLOAD_CLIENTS_ROOT"])
#: Bytes. A file that grows beyond them is to the program what a full disk is.
DISK = int(os.environ["AJAXUPLOAD_CLIENTS_DISK"])
PLACES = {"/npm/": HERE / "node_modules", "/pages/": HERE / "pages", "/built/": ROOT / "built"}

resource.setrlimit(resource.RLIMIT_FSIZE, (DISK, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def nobody(request: Any, action: str, upload: Upload | None) -> bool:
    """An `authorize` that refuses all."""
    return False


def config() -> dict[str, Any]:
    """Endpoints that store, and one for each way to be refused."""
    here = {"name": "{case}/{name}"}
    return {
        "backends": {"default": {"class": "local", "upload_dir": str(ROOT / "in"), "durable": False}},
        "endpoints": {
            "/in/{case}": {**here, "allow_delete": True, "allow_list": True, "serve": True},
            "/large/{case}": {**here, "max_size": "100 kB"},
            "/type/{case}": {**here, "allow": [".png"]},
            "/authorize/{case}": {**here, "authorize": nobody},
        },
    }


def files(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Pages, their scripts and what npm brought."""
    path = environ["PATH_INFO"]
    for prefix, folder in PLACES.items():
        file = (folder / path.removeprefix(prefix)).resolve()
        if path.startswith(prefix) and file.is_relative_to(folder.resolve()) and file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8")])
            return [file.read_bytes()]
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no such file"]


uploads = AjaxUpload(files, config())


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Uploads, and before them what a test has ordered for its address."""
    order = _order(environ)
    if order is None:
        return uploads(environ, start_response)
    if order == "stall":
        _stall(environ)
        return uploads(environ, start_response)
    if order == "lose":
        _lose(environ)
    else:
        _read(environ)
    start_response("503 Service Unavailable", [("Content-Type", "application/json")])
    return [b'{"success": false, "error": "The test wants it so."}']


def _order(environ: dict[str, Any]) -> str | None:
    """What becomes of this request: None, or "fail", "stall" or "lose"."""
    file = _file(environ)
    if environ["REQUEST_METHOD"] not in ("POST", "PATCH", "PUT") or not file.exists():
        return None
    order = json.loads(file.read_text(encoding="utf-8"))
    number = _count(file)
    return str(order["do"]) if order["after"] <= number < order["after"] + order["times"] else None


def _file(environ: dict[str, Any]) -> Path:
    words = environ["PATH_INFO"].split("/")
    return ROOT / "orders" / f"{words[2] if len(words) > 2 else 'none'}.json"


def _count(file: Path) -> int:
    """How many requests of this case came before, to any worker."""
    number = 0
    while True:
        try:
            os.close(os.open(file.with_suffix(f".{number}"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            number += 1
        else:
            return number


def _stall(environ: dict[str, Any]) -> None:
    """Until the test takes its order back, or this process is killed."""
    while _file(environ).exists():
        time.sleep(0.02)


def _lose(environ: dict[str, Any]) -> None:
    """Do all that the request asks, and cut the connection before the answer."""
    answer = uploads(environ, lambda *_: None)
    list(answer)
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)


def _read(environ: dict[str, Any]) -> None:
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left and (data := environ["wsgi.input"].read(min(left, 1 << 16))):
        left -= len(data)
