"""What the demo page hands out, how, and to whom: nothing that could run, nothing that is not ours."""

from __future__ import annotations

import os
import re
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.config import BackendSpec
from ajaxupload.demo.shelf import shelf_of
from ajaxupload.demo.site import Site
from ajaxupload.naming import display_name
from ajaxupload.protocols.download import content_disposition
from ajaxupload.testing.driving import open_descriptors
from tests.support.pages import config, store


@pytest.mark.parametrize("name", ["page.html", "image.svg", "paper.pdf", "a.js"])
def test_a_file_leaves_as_an_attachment_of_no_type(site: TestApp, folder: Path, name: str) -> None:
    store(folder, name, b"<script>alert(1)</script>")
    answer = site.get(f"/files/{name}")
    assert answer.body == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("wanted", "status", "body", "told"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-0,2-2", 200, b"0123456789", None),
        ("bytes=" + "0-0," * 5000 + "1-1", 200, b"0123456789", None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=-0", 200, b"0123456789", None),
        ("bytes=" + "1" * 5000 + "-", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_at_most_one_range(
    site: TestApp, folder: Path, wanted: str, status: int, body: bytes | None, told: str | None
) -> None:
    store(folder, "a.bin", b"0123456789")
    answer = site.get("/files/a.bin", headers={"Range": wanted}, status=status)
    assert answer.headers.get("Content-Range") == told
    assert body is None or answer.body == body
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("name", ["If-Range", "If-Modified-Since"])
@pytest.mark.parametrize("date", ["x GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT", "now"])
def test_a_date_that_is_none_is_no_condition(site: TestApp, folder: Path, name: str, date: str) -> None:
    store(folder, "a.bin", b"0123456789")
    answer = site.get("/files/a.bin", headers={"Range": "bytes=1-1", name: date})
    assert answer.body == (b"1" if name == "If-Modified-Since" else b"0123456789")


def test_a_changed_file_is_sent_whole_and_an_unchanged_one_not_at_all(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin", b"0123456789")
    etag = site.get("/files/a.bin").headers["ETag"]
    site.get("/files/a.bin", headers={"If-None-Match": etag}, status=304)
    wanted = {"Range": "bytes=1-1", "If-Range": etag}
    assert site.get("/files/a.bin", headers=wanted, status=206).body == b"1"
    store(folder, "a.bin", b"abcdefghijk")
    assert site.get("/files/a.bin", headers=wanted, status=200).body == b"abcdefghijk"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "..",
         "../outside.txt", "%2e%2e/outside.txt", "..%2foutside.txt", "a/../../outside.txt", "./a.bin", "a//b",
        "a.bin/", "a.bin/x", "a.bin%00", ".hidden", ".git/config", "d/.hidden", "link.txt", "loop/a.bin", "fifo", "d",
        "%ff", "x" * 300, "/etc/hostname", "%2Fetc%2Fhostname", "..%5coutside.txt",
    ],
)  # fmt: skip
def test_nothing_else_is_handed_out(site: TestApp, folder: Path, tmp_path: Path, path: str) -> None:
    outside = store(tmp_path, "outside.txt", b"secret")
    for name in ("a.bin", ".hidden", ".git/config", "d/.hidden"):
        store(folder, name, b"secret")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    assert b"secret" not in site.get("/files/" + path, status=404).body


def test_a_file_that_the_system_will_not_open_is_503(
    site: TestApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    store(folder, "a.bin")
    monkeypatch.setattr(LocalUploadBackend, "open", no)
    assert str(folder) not in site.get("/files/a.bin", status=503).text


def test_an_answer_that_nobody_reads_closes_its_file(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin", b"x" * 1000)
    before = open_descriptors(folder)
    answers = [site.app({**site.extra_environ, **_get("/files/a.bin")}, _started) for _ in range(5)]
    assert open_descriptors(folder) == before + 5
    for answer in answers:
        answer.close()
    assert open_descriptors(folder) == before


def _get(path: str) -> dict[str, str]:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    return {**environ, "wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1"}


def _started(status: str, _headers: object) -> None:
    assert status == "200 OK"


@given(st.text(max_size=300))
def test_no_name_breaks_the_content_disposition(name: str) -> None:
    header = content_disposition(name)
    found = re.fullmatch(
        r"attachment; filename=\"([ !#-\[\]-~]*)\"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)", header
    )
    assert found is not None
    assert unquote(found[2], errors="strict") == display_name(name)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('a"; filename="b.exe', "attachment; filename=\"a__; filename=_b.exe\"; filename*=UTF-8''"),
        ("ü.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt"),
        ("a\r\nX-Injected: 1.txt", 'attachment; filename="aX-Injected: 1.txt"'),
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
    ],
)
def test_content_disposition(name: str, header: str) -> None:
    found = content_disposition(name)
    assert found.startswith(header.replace("a__;", "a_;"))
    assert "\r" not in found
    assert "\n" not in found


# ---- who may call it what --------------------------------------------------------------------------------------------


class NoCookies(CookieJar):
    """Takes none: Python's own stumbles over a request without a host's name."""

    def extract_cookies(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("localhost", 200), ("LOCALHOST:80", 200), ("app.localhost:1", 200),
        ("[::1]:8000", 200),
        ("192.168.1.5", 200), ("me.example:8000", 200), ("me.example.", 200), ("", 200), ("evil.example", 421),
        ("evil.example:8000", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("[::1", 421),
        ("notlocalhost", 421), ("me.example@evil.example", 421),
    ],
)  # fmt: skip
def test_a_server_for_this_machine_answers_to_its_own_names_only(folder: Path, host: str, status: int) -> None:
    site = TestApp(Site(config(folder), hosts={"me.example"}), lint=False, cookiejar=NoCookies())
    for path in ("/", "/upload"):
        assert site.get(path, extra_environ={"HTTP_HOST": host}, status=status).status_int == status
    open_to_all = TestApp(Site(config(folder)))
    assert open_to_all.get("/", headers={"Host": "evil.example"}).status_int == 200


def test_the_command_line_that_the_page_shows_is_this_servers(site: TestApp) -> None:
    page = site.get("/", headers={"Host": "me.example:81"}).text
    assert "curl -F file=@photo.jpg http://me.example:81/upload\n" in page


def test_only_local_backends_have_a_shelf(tmp_path: Path) -> None:
    class Mine(LocalUploadBackend):
        UPLOAD_DIR = str(tmp_path)

    shelf = shelf_of(BackendSpec("mine", Mine, {}))
    assert shelf is not None
    assert shelf.root == str(tmp_path.resolve())
