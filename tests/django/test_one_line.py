"""A view with one URL, as the README mounts it, does all that one with a second line does: its answers name that one
URL only, and the upload in its query.

What lives here: addresses in Django. What must not: what is done at them (tests/wire).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.test import Client
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader

from .conftest import Site

TUS = {"tus-resumable": "1.0.0"}
BYTES = "application/offset+octet-stream"
NAME = "filename YS50eHQ="  # a.txt


def uploader(root: Path, **options: Any) -> AjaxFileUploader:
    return AjaxFileUploader(backend="local", upload_dir=str(root / "stored"), csrf=False, **options)


def lines(root: Path, count: int, **options: Any) -> list[Any]:
    view = login_not_required(uploader(root, **options))
    return [path("upload/", view), path("upload/<path:tail>", view)][:count]


@pytest.fixture(params=[1, 2], ids=["one line", "two lines"])
def client(request: pytest.FixtureRequest, site: Site, root: Path) -> Client:
    site(*lines(root, request.param, serve=True, allow_delete=True))
    return Client()


def create(client: Client, size: int, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {**TUS, "upload-length": str(size), "upload-metadata": NAME, **named}
    answer = client.generic("POST", "/upload/", b"", BYTES, headers=told)
    assert answer.status_code == 201, answer.content
    return str(answer["Location"])


def patch(client: Client, url: str, content: bytes, offset: int = 0) -> None:
    told = {**TUS, "upload-offset": str(offset)}
    answer = client.generic("PATCH", url, content, BYTES, headers=told)
    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(offset + len(content))), answer.content


def test_the_address_that_is_told_takes_uploads(client: Client) -> None:
    """With its slash: Django would answer another one with a redirect, and a POST would be lost."""
    told = client.get("/upload/", headers={"accept": "application/json"}).json()["resumable"]
    assert told == "/upload/"


def test_an_upload_is_gone_on_with_at_the_address_it_was_given(client: Client, root: Path) -> None:
    url = create(client, 10)
    patch(client, url, b"hello")
    assert client.head(url, headers=TUS)["Upload-Offset"] == "5"
    patch(client, url, b"world", 5)
    assert (root / "stored" / "a.txt").read_bytes() == b"helloworld"
    assert b"".join(client.get(url)) == b"helloworld"


def test_the_last_answer_tells_where_it_is(client: Client) -> None:
    url = create(client, 5)
    told = {**TUS, "upload-offset": "0", "prefer": "return=representation"}
    assert client.generic("PATCH", url, b"hello", BYTES, headers=told).json()["url"] == url
    assert b"".join(client.get(url)) == b"hello"


def test_an_upload_is_ended_at_its_address(client: Client) -> None:
    url = create(client, 10)
    assert client.delete(url, headers=TUS).status_code == 204
    assert client.head(url, headers=TUS).status_code in (404, 410)


def test_uploads_are_put_together_by_their_addresses(client: Client, root: Path) -> None:
    parts = [create(client, 5, upload_concat="partial") for _ in range(2)]
    for url, content in zip(parts, (b"hello", b"world"), strict=True):
        patch(client, url, content)
    told = {**TUS, "upload-metadata": NAME, "upload-concat": f"final;{' '.join(parts)}"}
    answer = client.generic("POST", "/upload/", b"", BYTES, headers=told)
    assert answer.status_code == 201, answer.content
    assert (root / "stored" / "a.txt").read_bytes() == b"helloworld"


def test_what_is_stored_is_read_and_deleted_at_the_addresses_that_are_told(client: Client, root: Path) -> None:
    client.get("/upload/")  # the page: the browser is known from here on
    (file,) = client.generic("POST", "/upload/?qqfile=a.txt", b"hello", headers={"accept": "application/json"}).json()[
        "files"
    ]
    assert b"".join(client.get(file["url"])) == b"hello"
    assert client.delete(file["deleteUrl"]).status_code == 200
    assert not (root / "stored" / "a.txt").exists()


def test_with_a_second_line_addresses_lie_below(site: Site, root: Path) -> None:
    site(*lines(root, 2))
    assert create(Client(), 1).startswith("/upload/")
    assert "?" not in create(Client(), 1)


def test_another_view_below_is_not_taken_for_the_second_line(site: Site, root: Path) -> None:
    other = login_not_required(uploader(root))
    site(*lines(root, 1), path("upload/<path:tail>", other))
    assert create(Client(), 1).startswith("/upload/?upload=")


def test_nobody_names_what_lies_elsewhere(site: Site, root: Path) -> None:
    site(*lines(root, 1, serve=True))
    for name in ("../settings.py", "..%2f..%2fetc%2fpasswd", "x" * 22, "a/b", "%00", "é"):
        assert Client().get(f"/upload/?upload={name}").status_code == 404, name
