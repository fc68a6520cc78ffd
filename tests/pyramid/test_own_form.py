"""The form that an endpoint shows by itself can be sent, also where Pyramid wants a token."""

from __future__ import annotations

import re
from pathlib import Path

import webtest
from pyramid.config import Configurator
from pyramid.session import SignedCookieSessionFactory


def app(folder: Path, *, csrf: bool) -> webtest.TestApp:
    with Configurator(session_factory=SignedCookieSessionFactory("for tests")) as config:
        config.set_default_csrf_options(require_csrf=True)
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder, csrf=csrf)
        return webtest.TestApp(config.make_wsgi_app())


def test_its_token_stands_before_the_file_and_is_taken(tmp_path: Path) -> None:
    site = app(tmp_path / "files", csrf=True)
    page = site.get("/up", headers={"Accept": "text/html"}).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    assert page.index("csrf_token") < page.index('type="file"')
    upload = [("file", "a.txt", b"content")]
    site.post("/up", {"csrf_token": found[1]}, upload_files=upload, status=200)
    site.post("/up", {"csrf_token": "wrong"}, upload_files=upload, status=403)


def test_without_the_check_there_is_no_token(tmp_path: Path) -> None:
    assert "csrf_token" not in app(tmp_path / "files", csrf=False).get("/up", headers={"Accept": "text/html"}).text
