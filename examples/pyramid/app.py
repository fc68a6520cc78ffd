"""A shared drop box: log in with any name, drop pictures and PDF files, find them in a list.

The upload is configured in `development.ini`. Who may upload is decided in `may_upload`, before the first byte of a
file is read. A real application has a security policy of its own there, and in place of `login`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.httpexceptions import HTTPBadRequest, HTTPFound, HTTPNotFound
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory

from ajaxupload import Upload
from ajaxupload.errors import NotAuthenticated

STATIC = str(Path(__file__).with_name("static"))

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Drop box</title>{head}</head>
<body><h1>Drop box</h1>{content}</body>
</html>"""

LOGIN = """<form method="post" action="/login"><input type="hidden" name="csrf_token" value="{token}">
<label>Your name <input name="user" required pattern="[A-Za-z0-9]+"></label> <button>Log in</button></form>"""


def may_upload(request: Request, action: str, upload: Upload | None) -> str:
    """Authorisation goes here: return who is asking, or raise to refuse.

    `HTTPForbidden` and redirects work too; an error of `ajaxupload.errors` is one whose text the upload widget shows.
    """
    user = request.session.get("user")
    if user is None:
        raise NotAuthenticated
    return str(user)


def folder_of(request: Request) -> Path:
    return Path(request.registry.settings["ajaxupload.upload_dir"], request.session.get("user", "nobody"))


def index(request: Request) -> Response:
    user = request.session.get("user")
    if user is None:
        return Response(PAGE.format(head="", content=LOGIN.format(token=get_csrf_token(request))))
    mine = folder_of(request)
    names = sorted(path.name for path in mine.iterdir()) if mine.is_dir() else []
    links = "".join(
        f'<li><a href="{escape(request.route_path("file", name=name))}">{escape(name)}</a>' for name in names
    )
    # The widget. Without JavaScript it is a form that posts the files and comes back here.
    list_ = f'<ul id="files">{links or "<li>none yet"}</ul>'
    content = f"<p>You are {user}.</p>{request.ajax_upload()}<h2>Your files</h2>{list_}"
    script = f'<script src="{request.static_path(STATIC + "/list.js")}" defer></script>'
    return Response(PAGE.format(head=request.ajax_upload_assets() + script, content=content))


def login(request: Request) -> Response:
    user = request.POST["user"]
    if not user.isascii() or not user.isalnum():
        raise HTTPBadRequest("Letters and digits, please.")
    request.session["user"] = user
    return HTTPFound(request.route_path("index"))


def file(request: Request) -> Response:
    path = folder_of(request) / request.matchdict["name"]
    if "user" not in request.session or path.name.startswith(".") or not path.is_file():
        raise HTTPNotFound
    # As an attachment: what users upload must not run as a page of this site.
    response = FileResponse(str(path), request)
    response.content_disposition = "attachment"
    return response


def main(global_config: dict[str, Any], **settings: Any) -> Any:
    """The application, as `pserve` and `gunicorn --paste` call it."""
    with Configurator(settings=settings) as config:
        config.set_session_factory(SignedCookieSessionFactory(settings["session.secret"], samesite="Lax"))
        config.set_default_csrf_options(require_csrf=True)
        config.include("ajaxupload.adapters.pyramid")
        config.add_route("index", "/")
        config.add_route("login", "/login", request_method="POST")
        config.add_route("file", "/files/{name}")
        config.add_static_view("static", STATIC)
        config.add_view(index, route_name="index")
        config.add_view(login, route_name="login")
        config.add_view(file, route_name="file")
        return config.make_wsgi_app()
