"""The widget's files, served by the endpoint: compressed, conditional, cached for ever under their version."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.assets import asset_url

SCRIPT = "/static/ajax-upload.js"


def get(path: str, method: str = "GET", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked: Any = Request.blank(path, method=method, headers=named)
    return asked.get_response(upload_endpoint("memory"))  # type: ignore[no-any-return]  # the stubs leave it open


def test_a_file_is_served_with_its_type_and_not_to_be_guessed_at() -> None:
    answer = get(SCRIPT)
    assert (answer.status_code, answer.content_type, answer.charset) == (200, "text/javascript", "utf-8")
    assert b"ajax-upload" in answer.body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert get("/static/ajax-upload.css").content_type == "text/css"


def test_it_is_compressed_for_whoever_says_so_and_for_nobody_else() -> None:
    plain, zipped = get(SCRIPT), get(SCRIPT, Accept_Encoding="br, gzip;q=0.5")
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    assert zipped.headers["Vary"] == "Accept-Encoding"
    for refusing in ("gzip;q=0", "identity", "", "(nonsense"):
        assert "Content-Encoding" not in get(SCRIPT, Accept_Encoding=refusing).headers, refusing


def test_what_the_browser_has_is_not_sent_again() -> None:
    answer = get(SCRIPT, If_None_Match=f'"other", {get(SCRIPT).headers["ETag"]}')
    assert (answer.status_code, answer.body) == (304, b"")
    assert not {"Content-Type", "Content-Length"} & set(answer.headers)
    assert get(SCRIPT, If_None_Match='"other"').status_code == 200


def test_a_versioned_address_may_be_kept_for_ever_and_another_is_asked_for_again() -> None:
    versioned = "/" + asset_url("ajax-upload.js")
    assert "immutable" in get(versioned).headers["Cache-Control"]
    assert get(versioned + "0").headers["Cache-Control"] == "no-cache"


def test_head_is_get_without_the_body() -> None:
    whole, head = get(SCRIPT), get(SCRIPT, "HEAD")
    assert (head.body, head.headers["Content-Length"]) == (b"", str(len(whole.body)))


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/no-such.js", "/static/../__init__.py", "/static/%2e%2e/body.py", "/static//etc/passwd"],
)
def test_nothing_but_the_packages_files_is_found(path: str) -> None:
    assert get(path).status_code == 404
