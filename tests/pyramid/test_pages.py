"""The widget in a page: its files, its tags, and the form that remains where there is no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from pyramid.response import Response

from ajaxupload.errors import ConfigError


def render(folder: Path, write: Callable[[Any], str], **more: Any) -> webtest.TestResponse:
    """The answer of an application with two endpoints whose page is what `write` makes of the request."""
    with Configurator() as config:
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/upload", upload_dir=folder, allow=["image/*", ".pdf"])
        config.add_ajax_upload("/album/{slug}/one", upload_dir=folder, max_files=1, route_name="one")
        config.add_route("page", "/")
        config.add_view(lambda request: Response(str(write(request))), route_name="page")
        app = webtest.TestApp(config.make_wsgi_app(), lint=True)
    return app.get("/", **more)


def test_the_head_names_both_files_with_their_versions_and_they_are_served(tmp_path: Path) -> None:
    page = render(tmp_path, lambda request: request.ajax_upload_assets(nonce="n1"))
    assert page.text.count(' nonce="n1"') == 2
    urls = re.findall(r'(?:href|src)="(/ajaxupload/static/[^"]+)"', page.text)
    assert [url.partition("?")[0].rpartition("/")[2] for url in urls] == ["ajax-upload.css", "ajax-upload.js"]
    for url in urls:
        answer = page.test_app.get(url)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = page.test_app.get(url, headers={"If-None-Match": answer.headers["ETag"]}, status=304)
        assert again.body == b""


@pytest.mark.parametrize("name", ["nothing.js", "%2e%2e/__init__.py", ""])
def test_nothing_else_is_served_there(tmp_path: Path, name: str) -> None:
    page = render(tmp_path, lambda request: "")
    page.test_app.get(f"/ajaxupload/static/{name}", status=404)


@pytest.mark.parametrize("named", ["/upload", "upload", "ajaxupload.upload"])
def test_the_form_as_a_page_writes_it(tmp_path: Path, named: str) -> None:
    html = re.sub(r"ajax-upload-[0-9a-f]{8}", "ID", render(tmp_path, lambda request: request.ajax_upload(named)).text)
    assert html == (
        '<form method="post" enctype="multipart/form-data" action="/upload"><ajax-upload endpoint="/upload">'
        '<label for="ID">Choose files</label> '
        '<input id="ID" type="file" name="file" accept="image/*,.pdf" multiple></ajax-upload>'
        "<noscript><button>Upload</button></noscript></form>"
    )


def test_the_element_alone_for_a_route_with_names(tmp_path: Path) -> None:
    page = render(tmp_path, lambda request: request.ajax_upload("one", slug="a b", form=False, label="<Pick>", id="x"))
    assert page.text == (
        '<ajax-upload endpoint="/album/a%20b/one"><label for="x">&lt;Pick&gt;</label> '
        '<input id="x" type="file" name="file"></ajax-upload>'
    )


def test_an_unknown_endpoint_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean '/upload'"):
        render(tmp_path, lambda request: request.ajax_upload("/uplod"))


def test_template_engines_take_the_tags_for_html_and_not_for_text(tmp_path: Path) -> None:
    page = render(tmp_path, lambda request: request.ajax_upload_assets().__html__())
    assert page.text.startswith('<link rel="stylesheet"')
