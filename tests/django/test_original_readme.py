"""django-ajax-uploader's README, followed step by step.

Its usage stands in urls.py, views.py and templates/import.html of this folder, changed only where Django and Python
have changed since 2013: import paths, `path()` for `url()`, the quotes in {% url %}, `render`, plain DOM for jQuery.
The backends that it describes are made here as it makes them.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import path

from ajaxupload.adapters.django.views import AjaxFileUploader
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend

from .conftest import Site
from .wire import post_form, post_raw

FILEUPLOADER = {"X_Requested_With": "XMLHttpRequest", "X_File_Name": "photo%20of%20me.jpg"}


def opened(client: Client) -> dict[str, str]:
    """Open the page: the action and the params that it hands to qq.FileUploader."""
    page = client.get("/start").content.decode()
    found = dict(re.findall(r"'(csrf_\w+)': '([^']*)'", page))
    found["action"] = re.findall(r'action: "([^"]+)"', page)[0]
    return found


def test_steps_3_and_4_the_page_uploads_by_xhr(uploads: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    page = opened(client)
    token = {page["csrf_xname"].replace("-", "_"): page["csrf_token"]}
    reply = post_raw(client, f"{page['action']}?qqfile=photo%20of%20me.jpg", b"\xff\xd8\xff", **FILEUPLOADER, **token)
    assert reply.status_code == 200
    answer = reply.json()
    assert answer["success"] is True
    assert answer["filename"] == "photo of me.jpg"
    assert answer["path"] == "/media/uploads/photo of me.jpg"
    assert (uploads / "photo of me.jpg").read_bytes() == b"\xff\xd8\xff"


def test_steps_3_and_4_the_page_uploads_by_an_iframe(uploads: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    page = opened(client)
    parts = ((page["csrf_name"], page["csrf_token"]), ("qqfile", "a&b.txt", b"text"))
    reply = post_form(client, page["action"], *parts, Accept="text/html,*/*", Sec_Fetch_Dest="iframe")
    assert (reply.status_code, reply["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"&" not in reply.content  # its script reads innerHTML, where a bare & would be &amp;
    assert json.loads(reply.content)["filename"] == "a&b.txt"
    assert (uploads / "a&b.txt").read_bytes() == b"text"


def test_without_its_token_the_page_is_told_why(uploads: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    page = opened(client)
    reply = post_raw(client, f"{page['action']}?qqfile=a.txt", b"x", **FILEUPLOADER)
    assert (reply.status_code, reply.json()["success"]) == (200, False)
    assert not list(uploads.iterdir())


def test_a_name_that_is_taken_is_never_overwritten(uploads: Path) -> None:
    client = Client()
    first, second = (
        post_raw(client, "/ajax-upload?qqfile=a.txt", body, **FILEUPLOADER).json() for body in (b"1", b"2")
    )
    assert (uploads / first["filename"]).read_bytes() == b"1"
    assert (uploads / second["filename"]).read_bytes() == b"2"


# ---- "Backend Usage" -------------------------------------------------------------------------------------------------


def sent(site: Site, uploader: AjaxFileUploader, name: str = "a.txt", content: bytes = b"content") -> Any:
    client = site(path("ajax-upload", uploader, name="my_ajax_upload"))
    return post_raw(client, f"/ajax-upload?qqfile={name}", content, **FILEUPLOADER).json()


def test_a_backend_class_is_given_to_the_uploader(site: Site, root: Path) -> None:
    import_uploader = AjaxFileUploader(backend=LocalUploadBackend)
    assert sent(site, import_uploader)["path"] == "/media/uploads/a.txt"


def test_a_class_constant_sets_where_files_go(site: Site, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", "uploads")  # put back after the test
    LocalUploadBackend.UPLOAD_DIR = "tmp"
    import_uploader = AjaxFileUploader(backend=LocalUploadBackend)
    assert sent(site, import_uploader)["path"] == "/media/tmp/a.txt"
    assert (root / "media" / "tmp" / "a.txt").exists()


def test_custom_parameters_are_passed_along(site: Site, root: Path) -> None:
    import_uploader = AjaxFileUploader(backend=LocalUploadBackend, UPLOAD_DIR="import", BUFFER_SIZE=1024)
    assert sent(site, import_uploader, content=b"x" * 5000)["path"] == "/media/import/a.txt"
    assert (root / "media" / "import" / "a.txt").read_bytes() == b"x" * 5000


# ---- "Custom Backends" -----------------------------------------------------------------------------------------------


class ListBackend(AbstractUploadBackend):
    """The README's four methods, with the signatures that its own backends had in its last releases."""

    BUFFER_SIZE = 4
    log: ClassVar[list[Any]] = []

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.log.append(("setup", filename))

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        self.log.append(("upload_chunk", chunk))

    def update_filename(self, request: HttpRequest, filename: str, *args: Any, **kwargs: Any) -> str:
        self.log.append(("update_filename", filename))
        return f"{request.GET['folder']}/{filename}"

    def upload_complete(self, request: HttpRequest, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.log.append(("upload_complete", filename))
        return {"path": f"/list/{filename}", "day": date(2013, 5, 6)}


def test_a_custom_backends_methods_are_called_in_their_order(site: Site) -> None:
    ListBackend.log.clear()
    client = site(path("ajax-upload", AjaxFileUploader(backend=ListBackend)))
    reply = post_raw(client, "/ajax-upload?folder=in&qqfile=a.txt", b"ten bytes.", **FILEUPLOADER)
    answer = reply.json()
    assert ListBackend.log == [
        ("update_filename", "a.txt"),
        ("setup", "in/a.txt"),
        ("upload_chunk", b"ten "),
        ("upload_chunk", b"byte"),
        ("upload_chunk", b"s."),
        ("upload_complete", "in/a.txt"),
    ]
    assert (answer["filename"], answer["path"]) == ("in/a.txt", "/list/in/a.txt")
    assert answer["day"] == "2013-05-06"  # "JSON parsing of extra_context now properly handles datetimes"


class OnlyChunks(AbstractUploadBackend):
    """ "Simply inherit and implement the `upload_chunk` method", with the first releases' bare signatures."""

    received: ClassVar[list[bytes]] = []

    def upload_chunk(self, chunk: bytes) -> None:
        self.received.append(chunk)


def test_upload_chunk_is_all_that_must_be_written(site: Site) -> None:
    OnlyChunks.received.clear()
    answer = sent(site, AjaxFileUploader(backend=OnlyChunks))
    assert (answer["success"], answer["filename"]) == (True, "a.txt")
    assert b"".join(OnlyChunks.received) == b"content"
