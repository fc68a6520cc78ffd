"""Flask: `request.files` and `request.stream`, and a form's file on to S3, as its documentation and boto3's have them.

What lives here: an application of three views. What must not: our extension (ours.py).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.contender import GUNICORN, Contender, Way, wsgi
from benchmarks.peers import boto3_library

__all__ = ["FILES", "STREAM", "UPLOAD_FILEOBJ", "application", "contender"]

STREAM, FILES, UPLOAD_FILEOBJ = "Flask request.stream", "Flask files.save", "Flask, boto3 upload_fileobj"
_WAYS = {STREAM: Way(raw="/raw/{name}"), FILES: Way(form="/form"), UPLOAD_FILEOBJ: Way(form="/s3")}


def contender(name: str, *, server: str = GUNICORN) -> Contender:
    """One of the three."""
    needed = ("flask", "boto3") if name == UPLOAD_FILEOBJ else ("flask",)
    return wsgi(name, f"{__name__}:application", _WAYS[name], *needed, server=server, sink=name == UPLOAD_FILEOBJ)


def application() -> Any:
    """All three views."""
    from flask import Flask, request
    from werkzeug.utils import secure_filename

    app = Flask(__name__)
    app.config["MAX_FORM_PARTS"] = None
    folder = Path(os.environ["BENCH_ROOT"], "files")
    _s3(app)

    @app.put("/raw/<name>")
    def raw(name: str) -> str:
        with (folder / secure_filename(name)).open("wb") as file:
            while chunk := request.stream.read(64 << 10):
                file.write(chunk)
        return "stored"

    @app.post("/form")
    def form() -> str:
        for file in request.files.getlist("file"):
            file.save(folder / secure_filename(file.filename or "unnamed"))
        return "stored"

    return app


def _s3(app: Any) -> None:
    """Where there is a stub to send to."""
    if not os.environ.get("BENCH_S3"):
        return
    from flask import request

    s3 = boto3_library.client(signed=True)

    def to_s3() -> str:
        for file in request.files.getlist("file"):
            s3.upload_fileobj(file, "b", file.filename)
        return "stored"

    app.add_url_rule("/s3", view_func=to_s3, methods=["POST"])
