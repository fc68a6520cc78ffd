"""The Flask example as its README starts it: `flask run`, and gunicorn with threads and two workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.support.browsing import Visitor
from tests.support.examples import FLASK, Site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", params=FLASK.values(), ids=list(FLASK))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with request.param(tmp_path_factory.mktemp("example")) as running:
        yield running


def logged_in(port: int, user: str) -> Visitor:
    visitor = Visitor(port)
    assert visitor.fill_in("/login", user=user).status == 302
    return visitor


def test_the_page_has_the_widget_with_a_plain_form_around_it(site: Site) -> None:
    page = logged_in(site[0], "page").ask("GET", "/").body.decode()
    assert '<form method="post" enctype="multipart/form-data" action="/upload">' in page
    assert '<ajax-upload endpoint="/upload">' in page
    assert 'accept="image/*,application/pdf,.txt"' in page
    script = page.partition('<script src="')[2].partition('"')[0]
    assert b"customElements" in Visitor(site[0]).ask("GET", script).body


def test_the_plain_form_stores_three_files_and_leads_back_to_the_list(site: Site) -> None:
    port, box = site
    ann = logged_in(port, "ann")
    files = {"a.png": PNG, "b.txt": b"words" * 300_000, "c.txt": b""}
    answer = ann.send_files("/upload", *(("file", name, content) for name, content in files.items()))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    digest = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in (box / "ann").iterdir()}
    assert digest == {name: hashlib.sha256(content).digest() for name, content in files.items()}
    assert b'<a href="/files/a.png">a.png</a>' in ann.ask("GET", "/").body
    got = ann.ask("GET", "/files/a.png")
    assert (got.body, got.headers["content-disposition"]) == (PNG, "attachment; filename=a.png")


def test_what_the_widget_sends_is_stored(site: Site) -> None:
    bob = logged_in(site[0], "bob")
    headers = {"Accept": "application/json", "X_File_Name": "a%20b.txt", "Content_Type": "application/octet-stream"}
    answer = bob.ask("POST", "/upload?file=a+b.txt", b"hello", Sec_Fetch_Site="same-origin", **headers)
    assert (answer.status, answer.json["filename"]) == (200, "bob/a b.txt")
    assert bob.ask("PUT", "/upload/t.txt", b"by curl").status == 201
    assert sorted(path.name for path in (site[1] / "bob").iterdir()) == ["a b.txt", "t.txt"]


@pytest.mark.parametrize(
    ("user", "name", "content", "status", "text"),
    [
        ("", "a.txt", b"x", 401, "Please log in before uploading."),
        ("eve", "a.exe", b"MZ", 415, "not"),
        ("eve", "a.png", b"<html>", 422, "not"),
        ("eve", "a.txt", b"26 MiB", 413, "25 MiB"),
    ],
    ids=["nobody", "type", "content", "size"],
)
def test_what_is_not_allowed_is_refused_with_a_reason(
    site: Site, user: str, name: str, content: bytes, status: int, text: str
) -> None:
    visitor = logged_in(site[0], user) if user else Visitor(site[0])
    declared = {"Content_Length": str(26 << 20)} if status == 413 else {}  # refused before it is sent
    answer = visitor.ask("PUT", f"/upload/{name}", content, **declared)
    assert answer.status == status
    assert text in answer.json["error"]
    assert not (site[1] / "eve").exists()


def test_another_sites_page_cannot_send_in_the_visitors_name(site: Site) -> None:
    mallory = logged_in(site[0], "mallory")
    answer = mallory.ask("PUT", "/upload/a.txt", b"x", Origin="https://evil.example")
    assert (answer.status, answer.json["code"]) == (403, "cross_origin")
    assert not (site[1] / "mallory").exists()
