"""`AjaxFileUploader` as a view: what it takes, what hooks get, what the answers are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import path
from webob import Response

from ajaxupload import ConfigError
from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.adapters.django.bridge import UploadAnswer
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.request import UploadRequest

from .conftest import Site
from .wire import post_form, post_raw


def test_a_form_is_stored_and_answered_with_json(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_form(client, "/upload/", ("file", "notes.txt", b"twelve bytes"))
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json; charset=utf-8"
    answer = json.loads(reply.content)
    assert answer["success"] is True
    assert answer["path"] == answer["url"] == "/media/uploads/notes.txt"
    assert (uploads / "notes.txt").read_bytes() == b"twelve bytes"


def test_the_old_raw_request_is_stored(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_raw(client, "/upload/?qqfile=n%C3%A9.txt", b"raw", X_Requested_With="XMLHttpRequest")
    assert reply.json()["filename"] == "né.txt"
    assert (uploads / "né.txt").read_bytes() == b"raw"


def test_several_files_come_together(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = post_form(client, "/upload/", ("a", "one.txt", b"1"), ("b", "two.txt", b"2"), ("a", "three.txt", b"3"))
    assert [each["name"] for each in reply.json()["files"]] == ["one.txt", "two.txt", "three.txt"]
    assert sorted(file.name for file in uploads.iterdir()) == ["one.txt", "three.txt", "two.txt"]


def test_put_takes_its_name_from_what_is_below_the_url(site: Site, uploads: Path) -> None:
    client = site(path("upload/<path:tail>", AjaxFileUploader()))
    reply = client.put("/upload/føø.txt", b"put", content_type="text/plain")
    assert reply.status_code == 201
    assert reply["Location"] == "/media/uploads/f%C3%B8%C3%B8.txt"
    assert (uploads / "føø.txt").read_bytes() == b"put"


def test_a_refusal_has_its_status_and_reason(site: Site, uploads: Path) -> None:
    client = site(path("upload/", AjaxFileUploader(max_size="10 bytes")))
    reply = post_form(client, "/upload/", ("file", "notes.txt", b"eleven byte"))
    assert reply.status_code == 413
    assert "10 bytes" in reply.json()["error"]
    assert list(uploads.iterdir()) == []


def test_get_describes_the_endpoint(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(max_size="2 MiB", allow=["image/*"])))
    reply = client.get("/upload/")
    assert reply.json()["max_size"] == 2 << 20
    assert reply["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert "Accept" in reply["Vary"]
    page = client.get("/upload/", headers={"Accept": "text/html"})
    assert b'accept="image/*"' in page.content


def test_head_is_get_without_content(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = client.head("/upload/")
    assert reply.content == b""
    assert reply["Content-Length"] == client.get("/upload/")["Content-Length"]


def test_options_and_preflight_have_no_content_and_no_type(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(allowed_origins=["https://www.example.com"])))
    reply = client.options("/upload/")
    assert (reply.status_code, reply.get("Content-Type")) == (204, None)
    asked = {"Origin": "https://www.example.com", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/upload/", headers=asked)
    assert preflight["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert "X-CSRFToken" in preflight["Access-Control-Allow-Headers"]


def test_another_method_is_refused(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader()))
    reply = client.delete("/upload/")
    assert reply.status_code == 405
    assert "POST" in reply["Allow"]


# ---- what may stand for a backend -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "backend",
    [
        LocalUploadBackend,
        "local",
        "ajaxupload.backends.local.LocalUploadBackend",
        "ajaxupload.backends.local:LocalUploadBackend",
        {"class": "local"},
        {"class": LocalUploadBackend, "upload_dir": "uploads"},
        "mine",
        None,
    ],
    ids=str,
)
def test_a_backend_is_a_class_a_name_a_path_or_a_table(site: Site, uploads: Path, backend: Any) -> None:
    with override_settings(AJAXUPLOAD={"backends": {"mine": {"class": "local"}}}):
        client = site(path("upload/", AjaxFileUploader(backend)))
        post_form(client, "/upload/", ("file", "notes.txt", b"here"))
    assert (uploads / "notes.txt").read_bytes() == b"here"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((), {"max_sise": "1 MB"}), "unknown key 'max_sise'; did you mean 'max_size'"),
        (((), {"max_size": "much"}), "max_size must be a size"),
        (((), {"UPLOAD_DIRR": "x"}), "did you mean 'upload_dir'?"),
        ((("locall",), {}), "unknown backend 'locall'; did you mean 'local'?"),
        ((("a.b.C",), {}), "cannot be imported"),
        (((3,), {}), "a backend is a class, a name"),
        ((({"upload_dir": "x"},), {}), 'needs a "class"'),
        (((), {"name": "{moth}/{name}"}), "did you mean {month}?"),
        (((), {"path": "no/slash"}), "a path looks like"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_when_the_view_is_made(arguments: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AjaxFileUploader(*arguments[0], **arguments[1])
    assert says in str(caught.value)


def test_making_a_view_touches_no_disk(root: Path) -> None:
    AjaxFileUploader()
    assert not (root / "media").exists()


# ---- between Django and us -------------------------------------------------------------------------------------------


def test_the_hosts_name_is_djangos(site: Site) -> None:
    """Behind a proxy that says so, the origin is compared with what the browser asked."""
    headers = {"X-Forwarded-Host": "www.example.com", "Origin": "https://www.example.com"}
    view = AjaxFileUploader()
    allowed = {"ALLOWED_HOSTS": ["testserver", "www.example.com"]}
    ask: Any = {"content_type": "application/octet-stream", "headers": headers}
    refused = site(path("upload/", view), **allowed).post("/upload/?filename=a.txt", b"x", **ask)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
    taken = site(path("upload/", view), USE_X_FORWARDED_HOST=True, **allowed)
    assert taken.post("/upload/?filename=a.txt", b"x", **ask).status_code == 200


def test_a_host_that_is_not_allowed_is_djangos_400() -> None:
    reply = Client(headers={"Host": "evil.example"}).post("/free", b"x", content_type="text/plain")
    assert reply.status_code == 400


def test_cookies_of_an_answer_are_djangos_cookies() -> None:
    response = Response("x")
    response.set_cookie("seen", "1", path="/upload", httponly=True, samesite="lax")
    answer = UploadAnswer(response, UploadRequest.blank("/"))
    assert (answer.cookies["seen"].value, answer.cookies["seen"]["path"]) == ("1", "/upload")
    assert answer.cookies["seen"]["httponly"]
    assert "Set-Cookie" not in answer.headers
