"""A shared drop box: log in with any name, drop pictures and PDF files, find them in a list.

The upload is configured in `create_app`. Who may upload is decided in `may_upload`, before the first byte of a file is
read. A real application has a login of its own there, and in place of `login`.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Request, abort, redirect, render_template, request, send_from_directory, session, url_for
from werkzeug.wrappers import Response

from ajaxupload import Upload
from ajaxupload.adapters.flask import AjaxUploadExtension
from ajaxupload.errors import NotAuthenticated


def may_upload(request: Request, action: str, upload: Upload | None) -> str:
    """Authorisation goes here: return who is asking, or raise to refuse.

    `abort()` and redirects work too; an error of `ajaxupload.errors` is one whose text the upload widget shows.
    """
    user = session.get("user")
    if user is None:
        raise NotAuthenticated
    return str(user)


def create_app(store: str | None = None) -> Flask:
    """The application. Files go into the folder `store`, $DROPBOX or ./dropbox."""
    folder = Path(store or os.environ.get("DROPBOX") or "dropbox").resolve()
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "for trying it out only")
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["AJAXUPLOAD"] = {
        "path": "/upload",
        "upload_dir": folder,  # of the backend "local", which is the default
        "name": "{principal}/{name}",  # a folder for each user
        "allow": ["image/*", "application/pdf", ".txt"],
        "max_size": "25 MiB",
        "max_files": 10,
        "authorize": may_upload,
        "redirect": "/",  # after a form without JavaScript
    }
    AjaxUploadExtension(app)

    @app.get("/")
    def index() -> str:
        mine = folder / session.get("user", "nobody")
        files = sorted(path.name for path in mine.iterdir()) if mine.is_dir() else []
        return render_template("index.html", files=files)

    @app.post("/login")
    def login() -> Response:
        user = request.form["user"]
        if not user.isascii() or not user.isalnum():
            abort(400, "Letters and digits, please.")
        session["user"] = user
        return redirect(url_for("index"))

    @app.get("/files/<name>")
    def file(name: str) -> Response:
        if "user" not in session:
            abort(401)
        # As an attachment: what users upload must not run as a page of this site.
        return send_from_directory(folder / session["user"], name, as_attachment=True)

    return app
