"""The widget in a page: its files, its tags, and the form that remains where there is no JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import flask
import pytest

from ajaxupload.adapters.flask import AjaxUploadExtension
from ajaxupload.errors import ConfigError


@pytest.fixture
def app(tmp_path: Path) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config["AJAXUPLOAD"] = {
        "backends": {"disk": {"class": "local", "upload_dir": tmp_path / "files"}},
        "endpoints": {
            "/upload": {"backend": "disk", "allow": ["image/*", ".pdf"]},
            "/album/{slug}/one": {"backend": "disk", "max_files": 1},
        },
    }
    AjaxUploadExtension(app)
    return app


def render(app: flask.Flask, template: str) -> str:
    """The template in a page of the application, with every random id written as ID."""
    with app.test_request_context():
        return re.sub(r"ajax-upload-[0-9a-f]{8}", "ID", flask.render_template_string(template))


def test_the_head_names_both_files_with_their_versions_and_they_are_served(app: flask.Flask) -> None:
    head = render(app, "{{ ajax_upload_assets() }}")
    urls = re.findall(r'(?:href|src)="(/ajaxupload/static/[^"]+)"', head)
    assert [url.partition("?")[0].rpartition("/")[2] for url in urls] == ["ajax-upload.css", "ajax-upload.js"]
    for url in urls:
        answer = app.test_client().get(url)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        again = app.test_client().get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_a_nonce_stands_at_both_tags(app: flask.Flask) -> None:
    assert render(app, "{{ ajax_upload_assets(nonce='n&1') }}").count(' nonce="n&amp;1"') == 2


@pytest.mark.parametrize("name", ["nothing.js", "../__init__.py", "%2e%2e/__init__.py"])
def test_nothing_else_is_served_there(app: flask.Flask, name: str) -> None:
    assert app.test_client().get(f"/ajaxupload/static/{name}").status_code == 404


WHOLE = (
    '<form method="post" enctype="multipart/form-data" action="/upload"><ajax-upload endpoint="/upload">'
    '<label for="ID">Choose files</label> '
    '<input id="ID" type="file" name="file" accept="image/*,.pdf" multiple></ajax-upload>'
    "<noscript><button>Upload</button></noscript></form>"
)
BARE = (
    '<ajax-upload endpoint="/album/a%20b/one"><label for="x">&lt;Pick&gt;</label> '
    '<input id="x" type="file" name="f"></ajax-upload>'
)
ATTRIBUTES = "name='docs', max_size='2 GB', directory=True, multiple=False, accept=None, required=True"
DRESSED = (
    '<ajax-upload endpoint="/upload" name="docs" max-size="2 GB" directory>'
    '<label for="ID">Choose files</label> <input id="ID" type="file" name="file" required></ajax-upload>'
)


@pytest.mark.parametrize(
    ("call", "html"),
    [
        ("'/upload'", WHOLE),
        ("'ajaxupload.upload'", WHOLE),
        ("'upload'", WHOLE),
        ("'/album/{slug}/one', slug='a b', form=False, label='<Pick>', field='f', id='x'", BARE),
        (f"'/upload', form=False, {ATTRIBUTES}", DRESSED),
        ("'/upload', button='Send <it>'", WHOLE.replace(">Upload<", ">Send &lt;it&gt;<")),
    ],
    ids=["path", "view", "short", "bare", "attributes", "button"],
)
def test_the_element_as_a_page_writes_it(app: flask.Flask, call: str, html: str) -> None:
    assert render(app, f"{{{{ ajax_upload({call}) }}}}") == html


@pytest.mark.parametrize(("name", "hint"), [("/uplod", "did you mean '/upload'?"), ("", "known: /upload, /album")])
def test_an_unknown_endpoint_names_the_nearest(app: flask.Flask, name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(hint)):
        render(app, f"{{{{ ajax_upload('{name}') }}}}")


def test_with_one_endpoint_none_needs_to_be_named(tmp_path: Path) -> None:
    app = flask.Flask(__name__)
    app.config["AJAXUPLOAD"] = {"path": "/in", "upload_dir": tmp_path}
    AjaxUploadExtension(app)
    assert 'endpoint="/in"' in render(app, "{{ ajax_upload() }}")
